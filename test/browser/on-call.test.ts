import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { causeOf } from "../../src/http/cause.ts";
import { groupsOf } from "../../src/metrics/group-counts.ts";
import { seriesOf } from "../../src/metrics/metrics.ts";
import { subjectHash } from "../../src/sessions/identifiers.ts";
import { revokeAs } from "../../src/sessions/revoke.ts";
import { consoleStage, site } from "../unit/console/console-stage.ts";
import { refused, session } from "../unit/console/gathered-stage.ts";
import { keyOf } from "../unit/signing/session.ts";
import { browserForFile } from "./browsing.ts";
import { lowTargets } from "./console-page.ts";

const inTab = browserForFile();
const alice = { issuer: "https://id.example", subject: "alice" };
const stage = await consoleStage();
const sent = ["token_invalid", "origin_slow", "grant_expired", "stream_limit", "signature_invalid"] as const;
const places = [
  { country: "DE", asn: 3320, player: "Chrome" },
  { country: "FR", asn: 3215, player: "AVPlayer" },
  { country: "US", asn: 7922, player: "ExoPlayer" },
];
const id = (number: number) => `${String(number).padStart(21, "0")}A`;

/** 2,000 sessions and 20,000 refusals of mixed causes, most of them of one asset in one network. */
async function fill(): Promise<void> {
  const own = subjectHash(keyOf(stage.context.keys, "2026-a"), alice.issuer, alice.subject);
  const alive = Array.from({ length: 2_000 }, (_, at) =>
    session({
      sessionId: id(at),
      assetId: `film-${at % 40}`,
      subject: at < 2 ? own : `viewer-${at}`,
      ...places[at % 3],
    }),
  );
  await stage.gathered.report({ worker: "edge", counts: [], refusals: [], ended: [], alive });
  for (let batch = 0; batch < 20; batch++) {
    const refusals = Array.from({ length: 1_000 }, (_, at) => {
      const number = batch * 1_000 + at;
      const isUsual = number % 4 > 0;
      const code = sent[isUsual ? 0 : number % sent.length] ?? "grant_expired";
      const where = isUsual
        ? { asset: "final", ...places[0] }
        : { asset: `film-${number % 40}`, ...places[number % 3] };
      const subject = number % 500 === 0 ? own : undefined;
      return refused({
        code,
        request: number.toString(16).padStart(16, "0"),
        reason: `reason ${number}`,
        subject,
        ...where,
      });
    });
    const groups = refusals.flatMap((one) => groupsOf(one).map(([by, value]) => [by, value, one.code, 1] as const));
    const counts = refusals.flatMap(({ code }) => [
      [seriesOf("stagedoor_refused_total", { worker: "edge", code }), 1] as const,
      [seriesOf("stagedoor_unserved_total", { what: "start", cause: causeOf(code), code }), 1] as const,
    ]);
    await stage.gathered.report({ worker: "edge", counts, refusals, alive: [], ended: [], groups });
  }
  const operator = { operator: "day shift", through: "route" } as const;
  await revokeAs(operator, { asset: "film-7", reason: "licence ended", lift: false }, stage.context);
}

/** The console on a port of its own; it sees the stage's address. */
let url = "";
const server = createServer(
  getRequestListener(async (request) => {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    if (headers.has("Origin")) headers.set("Origin", site);
    const body = request.method === "POST" ? { body: await request.text() } : {};
    return stage.appFetch(new Request(site + pathname + search, { method: request.method, headers, ...body }));
  }),
);
beforeAll(async () => {
  await fill();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const address = server.address();
  url = `http://localhost:${typeof address === "object" ? address?.port : ""}`;
});
afterAll(() => void server.close());

/** A tab of a phone in the dark with a signed-in operator. `click` counts. */
function onCall(
  run: (phone: { readonly page: Page; readonly click: (target: Locator) => Promise<void> }) => Promise<void>,
) {
  return () =>
    inTab(
      async ({ page }) => {
        await page.goto(`${url}/console`);
        await page.getByLabel("Credential").fill(await stage.credential());
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByRole("heading", { name: "Sessions now" }).waitFor();
        let clicks = 0;
        const click = async (target: Locator) => {
          clicks++;
          await target.click();
        };
        await run({ page, click });
        expect(clicks).toBeLessThanOrEqual(3);
      },
      { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
    );
}

const menu = (page: Page, name: string) => page.getByRole("link", { name, exact: true });

describe.concurrent("with 2,000 sessions and 20,000 refusals, within three clicks the console answers", () => {
  it(
    "can anybody start a film, and whose fault is it if not?",
    onCall(async ({ page }) => {
      const verdict = page.locator("#verdict");
      // One asset of forty is revoked.
      await verdict.getByText("1,950").waitFor();
      expect(await verdict.textContent()).toMatch(/provider/i);
    }),
  );

  it(
    "can Alice play, and why not?",
    onCall(async ({ page, click }) => {
      await click(menu(page, "Viewer"));
      await page.getByLabel("Issuer: iss of the viewer's tokens").fill(alice.issuer);
      await page.getByLabel("Viewer's id there: sub").fill(alice.subject);
      await click(page.getByRole("button", { name: "Look up" }));
      await page.getByRole("heading", { name: "2 sessions running" }).waitFor();
      await page.locator("#answer").getByText("reason 19500").waitFor();
    }),
  );

  it(
    "which asset, network and player?",
    onCall(async ({ page, click }) => {
      await click(menu(page, "Breakdown"));
      const rows = page.locator("table.groups tbody tr");
      expect(await rows.first().textContent()).toContain("final");
      await click(menu(page, "Network"));
      await rows.first().getByText("AS3320").waitFor();
      await click(rows.first().getByRole("link").first());
      await page.getByText(/^6\d\d sessions found/).waitFor();
    }),
  );

  it(
    "which country has the origin's failures?",
    onCall(async ({ page, click }) => {
      await click(menu(page, "Breakdown"));
      await click(menu(page, "Country"));
      await click(menu(page, "origin_slow").first());
      await page.getByRole("heading", { name: "origin_slow in the last hour" }).waitFor();
      expect(await page.locator("table.groups tbody tr").first().textContent()).toMatch(/the origin's/);
    }),
  );

  it(
    "is it worse than yesterday?",
    onCall(async ({ page, click }) => {
      await click(menu(page, "History"));
      const starts = page.getByRole("figure", { name: "Starts requested" });
      expect(await starts.locator("figcaption b").textContent()).toBe("20,000");
    }),
  );

  it(
    "what is revoked, by which operator, why and until when?",
    onCall(async ({ page, click }) => {
      await click(menu(page, "Revocations"));
      const [listed] = await page.locator("#revoked li").allTextContents();
      for (const part of ["film-7", "licence ended", "by day shift", "until it is undone"])
        expect(listed).toContain(part);
    }),
  );
});

describe("each page of the console on a phone", () => {
  it.each(["", "/history", "/viewer", "/breakdown?by=asset", "/revocations"])(
    "fits, with targets that a finger hits: %s",
    async (path) =>
      onCall(async ({ page }) => {
        await page.goto(`${url}/console${path}`);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
        expect(await page.evaluate(lowTargets)).toEqual([]);
      })(),
  );
});
