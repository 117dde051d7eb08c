import { describe, expect, it } from "vitest";
import { runChecks } from "../../../cli/doctor/doctor.ts";
import type { Live } from "../../../cli/doctor/live/live.ts";
import { originsCheck, publicBucketsCheck } from "../../../cli/doctor/live/origins.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { far, films, findingsOf } from "./doctor-stage.ts";
import { type Override, world } from "./doctor-world.ts";

const origin = "https://origin.films.test";
const hasSecret = (init: RequestInit) => new Headers(init.headers).has("X-Origin-Secret");

/** What the origin answers to who has no secret; undefined for its 403. */
const toStrangers =
  (answer: (url: URL, init: RequestInit) => Response | "silent" | undefined): Override =>
  (url, init) =>
    url.origin === origin && !hasSecret(init) ? answer(url, init) : undefined;
const ending = (end: string, answer: () => Response) =>
  toStrangers(({ pathname }) => (pathname.endsWith(end) ? answer() : undefined));
const text = (body: string, headers: Record<string, string> = {}) => new Response(body, { headers });

async function found(override: Override, more: Partial<Live> = {}) {
  const findings = await findingsOf([originsCheck], await world(override, more));
  return findings.map(({ id, severity, found: what }) => `${severity} ${id}: ${what}`);
}

describe("an origin that asks for its secret", () => {
  it("in playlists alone is open: each kind of file that players ask for is tried", async () => {
    for (const [end, what] of [
      ["/180p/0.ts", "segment"],
      ["/180p/init.mp4", "init segment"],
      ["/far/film.key", "key"],
      ["/180p/list.m3u8", "playlist"],
    ] as const)
      expect(await found(ending(end, () => text("…")))).toEqual([
        expect.stringMatching(new RegExp(`^fault origin_open: .* answers 200 to a plain GET of its ${what} without`)),
      ]);
  });

  it("but in a HEAD, a range or a query of a segment is open", async () => {
    const asks = [
      [(_: URL, { method }: RequestInit) => method === "HEAD", "a HEAD"],
      [(_: URL, { headers }: RequestInit) => new Headers(headers).has("Range"), "a GET of a range"],
      [({ searchParams }: URL) => searchParams.has("x"), "a GET with a query"],
    ] as const;
    for (const [isAsked, what] of asks) {
      const open = toStrangers((url, init) =>
        url.pathname.endsWith("0.ts") && isAsked(url, init) ? new Response(null) : undefined,
      );
      expect(await found(open)).toEqual([expect.stringContaining(`answers 200 to ${what} of its segment`)]);
    }
  });

  it("and has a playlist of one rendition is tried as far", async () => {
    const list = "#EXTM3U\n#EXTINF:4,\n0.ts\n";
    const single: Override = (url, init) =>
      url.origin === origin && (url.pathname.endsWith("0.ts") || (hasSecret(init) && url.pathname.endsWith("m3u8")))
        ? text(url.pathname.endsWith("0.ts") ? "…" : list)
        : undefined;
    expect(await found(single)).toEqual([expect.stringContaining("of its segment without any secret")]);
  });

  it("is asked for an entry with its query", async () => {
    const asked = new Set<string>();
    const catalog = parseCatalog({ version: 1, assets: [{ ...far, entry: "index.m3u8?DVR&a=b" }] });
    if (!catalog.ok) throw new Error("the catalog is faulty");
    await found(({ search }, init) => void (hasSecret(init) && asked.add(search)), { catalog: catalog.value });
    expect([...asked]).toContain("?DVR&a=b");
  });

  it("without which nothing but its entry is tried, and that is said", async () => {
    const asked = new Set<string>();
    const told = await found((url) => void asked.add(url.pathname), { secretOf: () => undefined });
    expect(told).toEqual([expect.stringMatching(/^warning origin_secret_absent: .*only the entry and no segment\.$/)]);
    expect([...asked].filter((path) => path.endsWith(".ts"))).toEqual([]);
  });

  it("and names files of another host does not have them asked for: ours is no secret of theirs", async () => {
    const sent: string[] = [];
    const foreign: Override = (url, init) => {
      sent.push(`${url.host} ${hasSecret(init)}`);
      return url.origin === origin && hasSecret(init)
        ? text("#EXTM3U\n#EXTINF:4,\nhttps://ads.test/0.ts\n")
        : url.host === "ads.test"
          ? text("…")
          : undefined;
    };
    const [examined] = await runChecks([originsCheck], await world(foreign));
    expect(examined?.findings.map(({ id, about }) => `${id} ${about}`)).toEqual([
      "not_looked_at segments of asset far at its origin",
    ]);
    expect(sent.filter((line) => line.startsWith("ads.test"))).toEqual([]);
  });
});

describe("what is no refusal", () => {
  const redirect = (to: string) => () => new Response(null, { status: 302, headers: { Location: to } });

  it.each([
    ["500", () => new Response("", { status: 500 })],
    ["503", () => new Response("", { status: 503 })],
    ["429", () => new Response("", { status: 429 })],
    ["302", () => new Response(null, { status: 302 })],
    ["302", redirect("https://sign-in.test/")],
  ])("%s leaves open whether the files are, and warns", async (status, answer) => {
    const told = await found(toStrangers(answer));
    expect(told.length).toBeGreaterThan(0);
    for (const line of told)
      expect(line).toMatch(new RegExp(`^warning origin_unclear: Its origin .*is answered ${status}`));
    expect((await findingsOf([originsCheck], await world(toStrangers(answer)))).map(({ id }) => id)).toContain(
      "origin_unclear",
    );
  });

  it.each([
    ["a page to sign in", "text/html; charset=utf-8", "warning origin_unclear"],
    ["the film", "video/mp2t", "fault origin_open"],
  ])("a redirect is followed: where it leads to %s (%s), it is a %s", async (_, type, expected) => {
    const led = toStrangers((__, { redirect: how }) =>
      how === "follow" ? text("…", { "Content-Type": type }) : new Response(null, { status: 302 }),
    );
    const [told] = await found(led);
    expect(told).toContain(expected);
  });

  it("nor is silence after the first answer", async () => {
    const mute = toStrangers((_, { method }) => (method === "HEAD" ? "silent" : undefined));
    expect(await found(mute)).toContainEqual(
      expect.stringMatching(/origin_unclear.*a HEAD is not answered within 5 s/),
    );
  });

  it.each([401, 403, 404, 410])("%i is one", async (status) => {
    expect(await found(toStrangers(() => new Response("", { status })))).toEqual([]);
  });
});

describe("an origin that answers 403 to us", () => {
  const refuses: Override = (url) => (url.origin === origin ? new Response("", { status: 403 }) : undefined);
  const advice = async (missingIs: object) => {
    const parsed = parseCatalog({ version: 1, assets: [{ ...far, origin: { ...far.origin, ...missingIs } }] });
    const catalog = parsed.ok ? parsed.value : undefined;
    return (await findingsOf([originsCheck], await world(refuses, { catalog }))).map(({ id, do: what }) => [id, what]);
  };

  it("refuses us, or has missing files only if the asset says that it hides them so", async () => {
    expect(await advice({})).toEqual([["origin_refuses_us", expect.stringContaining("set missingIs: 403")]]);
    expect(await advice({ missingIs: 403 })).toEqual([
      ["origin_entry_missing", expect.stringContaining("Check the secret too")],
    ]);
  });
});

describe("what there is nothing of is not called closed", () => {
  const without = parseCatalog({ version: 1, assets: [films] });
  const catalog = without.ok ? without.value : undefined;

  it("origins, where no asset lies on a server", async () => {
    expect(await findingsOf([originsCheck], await world(undefined, { catalog }))).toMatchObject([
      { id: "not_looked_at", do: expect.stringContaining("No asset") },
    ]);
  });

  it("a public bucket that does not answer", async () => {
    const mute: Override = (url) => (url.host === "pub-1.r2.test" ? "silent" : undefined);
    expect(await findingsOf([publicBucketsCheck], await world(mute))).toMatchObject([{ id: "not_looked_at" }]);
  });
});
