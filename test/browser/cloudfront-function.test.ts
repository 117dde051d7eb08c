import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import {
  type LocalDistribution,
  newEdgeSecret,
  startLocalDistribution,
} from "../../cli/cloudfront/local-distribution.ts";
import { devEnvironment } from "../../cli/lib/dev-environment.ts";
import { signDevToken } from "../../cli/lib/dev-keys.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import { type PagePlayer, startPageServer } from "../../proof/page-server.ts";
import type { OpenOptions, PlayerState } from "../../proof/player.ts";
import { type Catalog, parseCatalog } from "../../src/catalog/catalog.ts";
import { readConfiguration, type WorkerName } from "../../src/config/configuration.ts";
import { newEdgeKey, newSessionKey, newTokenKey } from "../../src/keys/generate.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { fileOrigin } from "../../src/platform/node/file-origin.ts";
import { type NodeHost, nodeHost } from "../../src/platform/node/node-host.ts";
import { sqliteStores } from "../../src/platform/node/node-stores.ts";
import { operatorOf } from "../cluster/operator.ts";
import { until, viewerOf } from "../cluster/viewer.ts";
import { urisOf } from "../cluster/walk.ts";
import { browserForFile, type Tab } from "./browsing.ts";
import { redirects, refusals } from "./traffic.ts";

const asset = "vod-cloudfront-function";
/** None of them has the helper that keeps URLs fresh. */
const players = ["hls", "shaka", "videojs"] as const;

const inTab = browserForFile();
let site: Awaited<ReturnType<typeof startPageServer>>;
beforeAll(async () => {
  site = await startPageServer();
});
afterAll(() => site.stop());

/** Plays in a page that loads one segment ahead. */
async function open(page: Page, player: PagePlayer, manifestUrl: string): Promise<void> {
  await page.goto(site.urlOf(player));
  await page.waitForFunction(() => window.controls !== undefined);
  const options: OpenOptions = { ahead: 4 };
  await page.evaluate(([url, how]) => window.controls.open(url, how), [manifestUrl, options] as const);
}

const state = (page: Page): Promise<PlayerState> => page.evaluate(() => window.controls.state());
const pause = (page: Page): Promise<void> => page.evaluate(() => window.controls.pause());

/** Plays on at another speed. */
async function play(page: Page, rate: number): Promise<void> {
  await page.evaluate(async (speed) => {
    const video = document.querySelector("video");
    if (video !== null) video.playbackRate = speed;
    await window.controls.play();
  }, rate);
}

/** Opens as many pages, each in a context of its own. */
function inTabs<Value>(
  count: number,
  run: (tabs: readonly Tab[]) => Promise<Value>,
  open: readonly Tab[] = [],
): Promise<Value> {
  return open.length === count ? run(open) : inTab((tab) => inTabs(count, run, [...open, tab]));
}

async function playedToEnd(page: Page): Promise<void> {
  await page.waitForFunction(() => window.controls.state().ended, undefined, { polling: 50 });
}

async function playedPast(page: Page, time: number): Promise<void> {
  await page.waitForFunction((past) => window.controls.state().time > past, time, { polling: 50 });
}

describe.concurrent("a film on the emulated CloudFront, in a player without the helper,", () => {
  const cluster = inject("shortLived");

  it.each(players)("plays on after a pause past its expiry, until its session is revoked: %s", (player) =>
    inTab(async ({ page, traffic }) => {
      const viewer = await viewerOf(cluster, `viewer-${crypto.randomUUID()}`);
      const session = await viewer.start({ asset });
      expect(new URL(session.manifestUrl).origin).toBe(cluster.distributionUrl);
      const [rendition] = await Promise.all([
        page.waitForResponse((response) => /\d+p\/index\.m3u8/.test(response.url())),
        open(page, player, session.manifestUrl),
      ]);
      const third = urisOf(await rendition.text(), rendition.url()).find(({ url }) => url.includes("/2.ts"))?.url ?? "";
      await playedPast(page, 0.3);
      await pause(page);
      const thirdNow = () => fetch(third, { redirect: "manual" });
      // Without a pause allowance it expires when the segment has been played.
      await until(thirdNow, ({ status }) => status === 307);
      expect(redirects(traffic)).toBe(0);
      await play(page, 2);
      await until(
        () => redirects(traffic),
        (count) => count >= 1,
      );
      // No further: a player that has loaded its film to the end would ask for nothing after the revocation.
      await playedPast(page, 4.5);
      expect([refusals(traffic), (await state(page)).fatal]).toEqual([[], []]);
      await play(page, 0.1);
      // The player may ask for a segment before the test sees that the store knows.
      const refused = page.waitForResponse((response) => response.status() === 403);
      const operator = await operatorOf(cluster, "night shift");
      expect(await operator.revoke({ session: session.sessionId })).toMatchObject({ status: 201 });
      await until(thirdNow, ({ headers }) => headers.get("Stagedoor-Refusal") === "session_revoked");
      await play(page, 4);
      expect((await refused).headers()["stagedoor-refusal"]).toBe("session_revoked");
      const { time, ended } = await stopped(page);
      expect(ended).toBe(false);
      expect(time).toBeLessThan(23);
    }),
  );
});

/** The state after which the film does not move any more. */
async function stopped(page: Page): Promise<PlayerState> {
  return until(
    async () => {
      const before = await state(page);
      await page.waitForTimeout(1000);
      return { ...(await state(page)), before: before.time };
    },
    ({ time, before }) => time === before,
  );
}

const mediaUrl = "http://localhost:8788";
const apiUrl = "http://localhost:8787";

/** The service in this process, with a distribution in front. Both get other keys as a rotation gives them. */
class RotatedService {
  /** What the distribution asked the bucket. */
  readonly asked: string[] = [];
  distribution: LocalDistribution | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), "cloudfront-rotation-"));
  readonly #edgeSecret = newEdgeSecret();
  readonly #files = fileOrigin(new Map([["films", join(projectRoot, "fixtures/media")]]));
  readonly #others = [newSessionKey("dev-session", randomBytes), newTokenKey("dev-issuer")];
  readonly #hosts: NodeHost[] = [];
  #inStore: readonly RingKey[] = [];

  /** The service has these keys from now on. Its processes before have the same stores. */
  async deploy(...edgeKeys: readonly RingKey[]): Promise<void> {
    const ring = { keys: [...(await Promise.all(this.#others)), ...edgeKeys] };
    const settings = { STAGEDOOR_EDGE_SECRETS: this.#edgeSecret, STAGEDOOR_API_URL: apiUrl };
    const configurationOf = (worker: WorkerName) => {
      const read = readConfiguration(devEnvironment(worker, ring, mediaUrl, settings));
      if (!read.ok) throw new Error(read.refusal.join("\n"));
      return read.value;
    };
    const [api, manifest, edge] = [configurationOf("api"), configurationOf("manifest"), configurationOf("edge")];
    const stores = sqliteStores(join(this.#folder, "stores.sqlite"), { leaseTtl: edge.leaseTtl });
    const host = await nodeHost({
      ...{ role: "all", configurations: { api, manifest, edge }, stores, accounts: undefined, roots: ["films"] },
      ...{ origin: this.#files, fetch, log: () => undefined },
    });
    if (!host.ok) throw new Error(host.refusal.join("\n"));
    this.#hosts.push(host.value);
    if (this.distribution !== undefined) return;
    this.#inStore = edgeKeys;
    this.distribution = await startLocalDistribution({
      ...{ port: 0, ring: () => ({ keys: this.#inStore }), settings: {}, edgeSecret: this.#edgeSecret },
      ...{ log: stores.revocations, catalog: async () => this.#catalog(), onFailure: () => undefined },
      media: async ({ method, target, headers }) => {
        const { media, waitUntil } = this.#host();
        if (media === undefined) throw new Error("the host has no media");
        return media(new Request(`${mediaUrl}${target}`, { method, headers }), waitUntil, target);
      },
      origin: (request) => {
        this.asked.push(request.path);
        return this.#files(request);
      },
    });
    await stores.catalog.save(JSON.stringify(this.#document()));
  }

  /** The store has these keys from now on. */
  async store(...edgeKeys: readonly RingKey[]): Promise<void> {
    this.#inStore = edgeKeys;
    expect(await this.distribution?.keepInStep()).toMatchObject({ status: "in_step" });
  }

  /** Starts the film, and returns its manifest URL. */
  async start(): Promise<string> {
    const subject = `viewer-${crypto.randomUUID()}`;
    const ring = { keys: await Promise.all(this.#others) };
    const token = await signDevToken(ring, { subject, assets: "*", lifetimeSeconds: 600 });
    const json = { "Content-Type": "application/json", "CF-Connecting-IP": "127.0.0.1" };
    const headers = { Authorization: `Bearer ${token}`, ...json };
    const { api, waitUntil } = this.#host();
    const request = new Request(`${apiUrl}/stream/start`, { method: "POST", headers, body: JSON.stringify({ asset }) });
    const response = await api?.(request, waitUntil);
    expect(response?.status).toBe(201);
    return String(Object(await response?.json()).manifestUrl);
  }

  async stop(): Promise<void> {
    await this.distribution?.stop();
    for (const host of this.#hosts) await host.close();
    rmSync(this.#folder, { recursive: true });
  }

  #host(): NodeHost {
    const host = this.#hosts.at(-1);
    if (host === undefined) throw new Error("nothing is deployed");
    return host;
  }

  #document() {
    const film = { id: asset, origin: { type: "file", root: "films", path: `${asset}/` }, entry: "index.m3u8" };
    return { version: 1, assets: [{ ...film, cdn: "cloudfront", cdnUrl: this.distribution?.url }] };
  }

  #catalog(): Catalog {
    const catalog = parseCatalog(this.#document());
    if (!catalog.ok) throw new Error("the catalog is invalid");
    return catalog.value;
  }
}

/** The kid of the key that signed the grant of a URL, which is readable in it. */
const kidOf = (url: string) => /cf-\d/.exec(Buffer.from(new URL(url).pathname.slice(1), "base64url").toString())?.[0];

describe.concurrent("a rotation of CloudFront's session keys", () => {
  const [old, fresh] = [newEdgeKey("cf-1", randomBytes), newEdgeKey("cf-2", randomBytes)];
  const service = new RotatedService();
  beforeAll(() => service.deploy(old));
  afterAll(() => service.stop());

  it("interrupts no film, and a later viewer gets the files from CloudFront's cache", () =>
    inTabs(players.length + 1, async ([late, ...watching]) => {
      if (late === undefined) throw new Error("a tab for the late viewer");
      const urls = await Promise.all(
        watching.map(async ({ page }, at) => {
          const manifestUrl = await service.start();
          await open(page, players[at] ?? "hls", manifestUrl);
          await playedPast(page, 0.3);
          return manifestUrl;
        }),
      );
      expect(urls.map(kidOf)).toEqual(["cf-1", "cf-1", "cf-1"]);
      const everybody = (run: (page: Page) => Promise<void>) => Promise.all(watching.map(({ page }) => run(page)));

      // The store and the service know the new key before it signs.
      await service.store(old, fresh);
      await service.deploy(old, { ...fresh, state: "next" });
      await everybody((page) => play(page, 4));
      await everybody((page) => playedPast(page, 5));

      await service.deploy({ ...old, state: "retiring" }, { ...fresh, state: "active" });
      await everybody(playedToEnd);
      const cached = new Set(service.asked.splice(0));
      expect(cached.size).toBeGreaterThanOrEqual(6);

      // Nothing that the old key signed is in use any more.
      const manifestUrl = await service.start();
      expect(kidOf(manifestUrl)).toBe("cf-2");
      await open(late.page, "hls", manifestUrl);
      await playedPast(late.page, 0.3);
      await service.store(fresh);
      await service.deploy(fresh);
      await play(late.page, 8);
      await playedToEnd(late.page);
      expect(service.asked.filter((path) => cached.has(path))).toEqual([]);
      for (const { page, traffic } of [late, ...watching])
        expect([refusals(traffic), (await state(page)).fatal]).toEqual([[], []]);
      const refused = await Promise.all(urls.map((url) => fetch(url)));
      expect(refused.map(({ headers }) => headers.get("Stagedoor-Refusal"))).toEqual(urls.map(() => "key_unknown"));
    }));
});
