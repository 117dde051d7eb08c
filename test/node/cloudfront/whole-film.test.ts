import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type DistributionServer, startDistribution } from "../../../cli/cloudfront/distribution-server.ts";
import { emulateDistribution } from "../../../cli/cloudfront/emulator.ts";
import { EmulatedStore, writable } from "../../../cli/cloudfront/key-value-store.ts";
import { devEnvironment } from "../../../cli/lib/dev-environment.ts";
import { signDevToken } from "../../../cli/lib/dev-keys.ts";
import { seconds, systemClock, after as timeAfter } from "../../../src/base/time.ts";
import { cycleTimes, StoreCycle } from "../../../src/cloudfront/store-cycle.ts";
import { readConfiguration, type WorkerName } from "../../../src/config/configuration.ts";
import { newEdgeKey, newSessionKey, newTokenKey } from "../../../src/keys/generate.ts";
import type { EdgeKey } from "../../../src/keys/key.ts";
import { fileOrigin } from "../../../src/platform/node/file-origin.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { type NodeHost, nodeHost } from "../../../src/platform/node/node-host.ts";
import { type NodeStores, sqliteStores } from "../../../src/platform/node/node-stores.ts";
import type { Revocation } from "../../../src/sessions/revocation.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { scriptOf } from "./stage.ts";

const mediaUrl = "http://localhost:8788";
const secret = "s".repeat(40);
const films = join(import.meta.dirname, "../../../fixtures/media");
const folder = mkdtempSync(join(tmpdir(), "cloudfront-film-"));

const edgeKey = newEdgeKey("cf-1", randomBytes);
const ring = {
  keys: [newSessionKey("dev-session", randomBytes), edgeKey, await newTokenKey("dev-issuer")],
};
const asset = (id: string, fields = {}) => ({
  ...{
    id,
    origin: { type: "file", root: "films", path: "vod-ts/" },
    entry: "index.m3u8",
    cdn: "cloudfront",
    cdnUrl: server.url,
  },
  ...fields,
});

let server: DistributionServer;
let stores: NodeStores;
let host: NodeHost;
/** Seconds that the distribution's clock is ahead of the service's, so that nobody has to wait for a URL to expire. */
let ahead = 0;
const clock = () => Date.now() + ahead * 1000;
const store = new EmulatedStore(clock);
// Another writer kept it in step until now, so that the function renews.
store.update({ puts: [{ key: "c", value: `1||${systemClock() + cycleTimes.lifetime}|||` }] }, store.describe().etag);
const viewer = { address: "192.0.2.7", headers: new Headers({ "User-Agent": "Player/1.0" }) };
/** What CloudFront asked its two origins. */
const asked: string[] = [];
/** Entries in addition to those of the service's log. */
const moreEntries: Revocation[] = [];
/** What follows the revocation log. */
const cycle = new StoreCycle({
  log: {
    since: async (cursor, detail) => {
      const delta = await stores.revocations.since(cursor, detail);
      return { ...delta, entries: [...delta.entries, ...moreEntries.splice(0)] };
    },
  },
  store: writable(store),
  clock: systemClock,
});
let distribution: ReturnType<typeof emulateDistribution>;

function configurationOf(worker: WorkerName) {
  const settings = { STAGEDOOR_EDGE_SECRETS: secret };
  const read = readConfiguration({
    ...devEnvironment(worker, ring, mediaUrl, settings),
    ...settings,
    STAGEDOOR_API_URL: "http://localhost:8787",
  });
  if (!read.ok) throw new Error(read.refusal.join("\n"));
  return read.value;
}

beforeAll(async () => {
  server = await startDistribution((request) => distribution(request), 0);
  const [api, manifest, edge] = (["api", "manifest", "edge"] as const).map(configurationOf);
  if (!api || !manifest || !edge) throw new Error("three services");
  stores = sqliteStores(join(folder, "stores.sqlite"), { leaseTtl: edge.leaseTtl });
  const assets = [asset("film"), asset("bound", { binding: { network: "prefix" } }), asset("single", { streams: 1 })];
  // A catalog refuses assets that share files, so each film has a folder of its own.
  Object.assign(assets[1] ?? {}, { origin: { type: "file", root: "films", path: "vod-fmp4/" } });
  Object.assign(assets[2] ?? {}, { origin: { type: "file", root: "films", path: "vod-aes/" } });
  await stores.catalog.save(JSON.stringify({ version: 1, assets }));
  const opened = await nodeHost({
    ...{ role: "all", configurations: { api, manifest, edge }, stores, accounts: undefined, roots: ["films"] },
    ...{ origin: fileOrigin(new Map([["films", films]])), fetch, log: () => undefined },
  });
  if (!opened.ok) throw new Error(opened.refusal.join("\n"));
  host = opened.value;
  distribution = emulateDistribution({
    ...{ script: await scriptOf({ issuer: edge.grantIssuer }), store, clock },
    origins: {
      default: {
        fetch: async ({ target }) => {
          asked.push(`bucket ${target}`);
          const body = readFileSync(
            join(films, target.replace(/^\/film\//, "/vod-ts/").replace(/^\/single\//, "/vod-aes/")),
          );
          return new Response(body, { headers: { "Content-Type": "video/mp2t", "Cache-Control": "max-age=60" } });
        },
      },
      manifest: {
        customHeaders: { "Stagedoor-Edge-Secret": secret },
        fetch: async ({ method, target, headers }) => {
          asked.push("manifest host");
          const { media, waitUntil } = host;
          if (media === undefined) throw new Error("the host has no media");
          return media(new Request(`${mediaUrl}${target}`, { method, headers }), waitUntil, target);
        },
      },
    },
  });
  await inStep([edgeKey]);
});

afterAll(async () => {
  await server.stop();
  await host.close();
  rmSync(folder, { recursive: true });
});

/** Brings the store in step with the revocation log, as it is now. */
async function inStep(keys: readonly EdgeKey[], more: readonly Revocation[] = []): Promise<void> {
  moreEntries.push(...more);
  expect(await cycle.run(keys)).toMatchObject({ status: "in_step" });
}

interface Started {
  readonly sessionId: string;
  readonly manifestUrl: string;
  readonly grant: string;
  readonly headers: Record<string, string>;
}

/** Starts a film and returns the session. */
async function started(subject: string, id = "film"): Promise<Started> {
  const token = await signDevToken(ring, { subject, assets: "*", lifetimeSeconds: 600 });
  const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/json",
    "CF-Connecting-IP": viewer.address,
  };
  const response = await api("/stream/start", { method: "POST", headers, body: JSON.stringify({ asset: id }) });
  expect(response.status).toBe(201);
  return { ...Object(await response.json()), headers };
}

function api(path: string, init: RequestInit): Promise<Response> {
  if (host.api === undefined) throw new Error("the host has no API");
  return Promise.resolve(host.api(new Request(`http://localhost:8787${path}`, init), host.waitUntil));
}

/** A viewer's request to the distribution. */
async function get(url: string, address = viewer.address) {
  const target = url.slice(server.url.length);
  const response = await distribution({ method: "GET", target, headers: new Headers(viewer.headers), address });
  const code = response.headers.get("Stagedoor-Refusal");
  return { status: response.status, code, response, text: await response.text() };
}

/** The URLs in a playlist, as a player resolves them. */
async function urlsIn(url: string): Promise<readonly string[]> {
  const { status, text } = await get(url);
  expect(status).toBe(200);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => new URL(line, url).href);
}

/** The URLs of the segments of a film's first rendition. */
async function segmentsOf({ manifestUrl }: Started): Promise<readonly string[]> {
  const [rendition = ""] = await urlsIn(manifestUrl);
  return urlsIn(rendition);
}

describe("a film at an emulated CloudFront, with the whole service as its manifest host", () => {
  it("plays: playlists come from the service, and segments from the bucket, once for all viewers", async () => {
    asked.length = 0;
    const [one, other] = [await started("one"), await started("other")];
    for (const session of [one, other]) {
      expect(session.manifestUrl.startsWith(`${server.url}/`)).toBe(true);
      const segments = await segmentsOf(session);
      expect(segments.length).toBe(6);
      for (const segment of segments) expect((await get(segment)).status).toBe(200);
    }
    const bucket = [0, 1, 2, 3, 4, 5].map((name) => `bucket /film/180p/${name}.ts`);
    expect(asked.filter((line) => line.startsWith("bucket"))).toEqual(bucket);
    expect(asked.filter((line) => line === "manifest host").length).toBe(4);
  });

  it("plays in ffmpeg, over HTTP", async ({ skip }) => {
    skip(spawnSync("ffmpeg", ["-version"]).status !== 0, "ffmpeg is not installed (apt-get install ffmpeg)");
    const { manifestUrl } = await started("ffmpeg");
    const player = spawn("ffmpeg", ["-v", "error", "-i", manifestUrl, "-map", "0:v:0", "-f", "null", "-"]);
    let errors = "";
    player.stderr.on("data", (text) => {
      errors += text;
    });
    const [exit] = await once(player, "close");
    expect([exit, errors]).toEqual([0, ""]);
  });

  it("continues after a pause that is longer than its URLs live, without a new playlist", async () => {
    const [segment = ""] = await segmentsOf(await started("paused"));
    ahead = 3000;
    const expired = await get(segment);
    const location = expired.response.headers.get("Location") ?? "";
    expect([expired.status, expired.response.headers.get("Cache-Control")]).toEqual([307, "no-store"]);
    expect((await get(new URL(location, segment).href)).status).toBe(200);
    ahead = 0;
  });

  it("is bound to the viewer's network, although the service sees CloudFront's addresses", async () => {
    const bound = await started("at home", "bound");
    expect((await get(bound.manifestUrl)).status).toBe(200);
    expect((await get(bound.manifestUrl, "203.0.113.9")).code).toBe("binding_mismatch");
  });

  it("ends with its session: its playlists at once, and its segments once the store knows", async () => {
    const session = await started("leaver");
    const segments = await segmentsOf(session);
    const [first = "", second = ""] = segments;
    expect((await get(first)).status).toBe(200);
    const headers = { ...session.headers, "CTA-Common-Access-Token": session.grant };
    const ended = await api(`/stream/${session.sessionId}`, { method: "DELETE", headers });
    expect(ended.status).toBe(204);
    await expect.poll(async () => (await get(session.manifestUrl)).code).toBe("session_revoked");
    await inStep([edgeKey]);
    expect((await get(second)).code).toBe("session_revoked");
    ahead = 3000;
    expect((await get(second)).code).toBe("session_revoked");
    ahead = 0;
  });

  it("continues while its keys are rotated", async () => {
    const session = await started("watcher");
    const [first = "", second = ""] = await segmentsOf(session);
    expect((await get(first)).status).toBe(200);
    await inStep([edgeKey, newEdgeKey("cf-2", randomBytes)]);
    expect((await get(second)).status).toBe(200);
    await inStep([newEdgeKey("cf-2", randomBytes)]);
    expect((await get(second)).code).toBe("key_unknown");
    await inStep([edgeKey]);
  });

  it("continues through the service if the store's filter is full, and a revoked viewer is still refused", async () => {
    const many = Array.from({ length: 20_000 }, (_, at): Revocation => {
      const value = randomBytes(16).toString("base64url");
      return {
        kind: "subject",
        value,
        cause: "revoked",
        at: systemClock(),
        until: timeAfter(systemClock(), seconds(at + 1)),
      };
    });
    const session = await started("unlucky");
    const [segment = ""] = await segmentsOf(session);
    await inStep([edgeKey], many);
    asked.length = 0;
    expect([(await get(segment)).status, asked]).toEqual([200, ["manifest host"]]);
    const grant = openGrant(
      session.grant,
      await prepareSessionKeys(ring, oneShotHmac, ["cloudfront-session"]),
      systemClock(),
    );
    if (!grant.ok) throw new Error("a start has a grant");
    const [at, until] = [systemClock(), timeAfter(systemClock(), seconds(600))];
    const revoked: Revocation = { kind: "subject", value: grant.value.subject, cause: "revoked", at, until };
    await stores.revocations.append([revoked], "operator");
    await inStep([edgeKey]);
    await expect.poll(async () => (await get(segment)).code).toBe("session_revoked");
  });
});

describe("the stream limit at CloudFront, with a limit of one stream", () => {
  const startCode = async (subject: string) => {
    const token = await signDevToken(ring, { subject, assets: "*", lifetimeSeconds: 600 });
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ asset: "single" });
    const response = await api("/stream/start", { method: "POST", headers, body });
    return response.headers.get("Stagedoor-Refusal") ?? response.status;
  };
  const pass = (length: number) => vi.setSystemTime(Date.now() + length * 1000);
  const statusOf = async (url: string) => {
    const { status, code } = await get(url);
    return code ?? status;
  };

  /** Brings the store in step with the service's log alone. */
  const write = (renewal?: "manifest") => {
    const log = { since: (cursor: number, detail: "full") => stores.revocations.since(cursor, detail) };
    return new StoreCycle({ log, store: writable(store), clock: systemClock, renewal }).run([edgeKey]);
  };

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    expect(await write()).toMatchObject({ status: "in_step" });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("a film counts for 90 s after its last playlist: then the viewer can start another one, and all play on", async () => {
    const first = await segmentsOf(await started("ann", "single"));
    pass(80);
    expect([await startCode("ann"), await statusOf(first[0] ?? "")]).toEqual(["stream_limit", 200]);
    pass(11);
    const second = await segmentsOf(await started("ann", "single"));
    expect([await statusOf(first[1] ?? ""), await statusOf(second[0] ?? "")]).toEqual([200, 200]);
    pass(91);
    const third = await segmentsOf(await started("ann", "single"));
    pass(3000);
    for (const [url = ""] of [first, second, third]) expect(await statusOf(url)).toBe(307);
  });

  it("a live stream counts for as long as its player loads playlists", async () => {
    const [rendition = ""] = await urlsIn((await started("bob", "single")).manifestUrl);
    for (let loads = 0; loads < 10; loads++) {
      pass(30);
      expect([await statusOf(rendition), await startCode("bob")]).toEqual([200, "stream_limit"]);
    }
  });

  it("a film counts for as long as its player loads segments whose URLs have expired, if the media host renews them", async () => {
    const one = await segmentsOf(await started("cleo", "single"));
    pass(91);
    const second = await segmentsOf(await started("cleo", "single"));
    pass(3000);
    expect(await write("manifest")).toMatchObject({ status: "in_step", store: { dropped: 0 } });
    expect(await statusOf(one[0] ?? "")).toBe(307);
    expect(await statusOf(second[0] ?? "")).toBe("stream_taken");
    for (let loads = 0; loads < 5; loads++) {
      pass(60);
      expect([await statusOf(one[loads] ?? ""), await startCode("cleo")]).toEqual([307, "stream_limit"]);
    }
  });
});
