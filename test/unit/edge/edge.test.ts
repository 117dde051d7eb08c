import { beforeAll, describe, expect, it } from "vitest";
import type { MediaPurpose } from "../../../src/base/media-purpose.ts";
import { ok } from "../../../src/base/result.ts";
import {
  seconds,
  systemTimer,
  after as timeAfter,
  type UnixSeconds,
  unixMilliseconds,
} from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { answerMedia } from "../../../src/edge/answer-media.ts";
import { guardFiles } from "../../../src/edge/guard-file.ts";
import { type EdgeParts, serveRequest } from "../../../src/edge/serve-request.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { endedBecause } from "../../../src/sessions/revocation-snapshot.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { memoryTelemetry, nothingRevoked } from "../../support/memory-stores.ts";
import { requestIds } from "../api/start.ts";
import { searchedLog } from "../http/searched-log.ts";
import { baseUrl, type KeyPair, keyPair, keyPairId, ourSigner, unwrap } from "../signing/samples.ts";
import { grantIssuer, grantOf, in5Minutes, keyOf, now, preparedKeys, signedTarget } from "../signing/session.ts";
import { stage } from "./deliver-stage.ts";

const catalog = unwrap(
  parseCatalog({
    version: 1,
    assets: [
      { id: "film", origin: { type: "r2", binding: "MEDIA", prefix: "film/" }, entry: "index.m3u8" },
      {
        id: "sea",
        origin: { type: "r2", binding: "MEDIA", prefix: "sea/" },
        entry: "index.m3u8",
        cdn: "cloudfront-signed",
        cloudfront: { url: baseUrl, keyPairId, hash: "SHA256" },
      },
    ],
  }),
);

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
let pair: KeyPair;
beforeAll(async () => {
  pair = await keyPair("EC");
});

/** The edge's response to a target, over the film in memory, and its requests to the origin. */
async function fetchMedia(
  target: string,
  changes: Partial<EdgeParts> = {},
  sent: Request = new Request(`https://media.example${target}`),
) {
  const { send, files, requests } = stage();
  for (const file of ["0.ts", "keys/0.key", "v1/0.ts?b=~1&c=%2F"])
    files.set(`sea/${file}`, { body: new Uint8Array(9) });
  const parts: EdgeParts = {
    keys,
    open: openGrant,
    publicKeys: (id) => (id === keyPairId ? pair.publicKey : undefined),
    catalog: async () => ok(catalog),
    clock: () => now,
    timer: systemTimer,
    deliver: (file) => send(file),
    files: guardFiles({ deliver: (file) => send(file), clock: () => now, timer: systemTimer }),
    waitUntil: () => undefined,
    admit: () => undefined,
    revocations: nothingRevoked,
    observed: () => undefined,
    enforcement: undefined,
    ready: async () => [],
    milliseconds: () => unixMilliseconds(now * 1000),
    telemetry: noTelemetry,
    sha256: nodeSha256,
    development: false,
    edgeSecrets: [],
    mediaUrl: "https://media.example",
    grantIssuer,
    renewal: "redirect",
    pauseAllowance: seconds(300),
    expiryStep: seconds(30),
    manifest: undefined,
    ...changes,
  };
  const { log, written } = searchedLog();
  const response = await answerMedia(
    sent,
    { worker: "edge", log, telemetry: noTelemetry, random: requestIds },
    (request) => serveRequest(request, parts),
  );
  return { response, requests, log: written };
}

function segment(expiry: UnixSeconds, grantEnds: UnixSeconds): string {
  return signedTarget(key, {
    purpose: "segment",
    grant: grantOf(key, { expiresAt: grantEnds }),
    path: "/film/0.ts",
    expiry,
  });
}

describe("a GET with a body", () => {
  it("reaches the manifest worker without its body, so that a broken upload is not that worker's failure", async () => {
    const target = signedTarget(key, { purpose: "playlist", grant: grantOf(key), path: "/film/index.m3u8" });
    const headers = { "Content-Length": "9", "CF-Connecting-IP": "192.0.2.7" };
    const sent = new Request(`https://media.example${target}`, { headers });
    const body = new ReadableStream({ start: (controller) => controller.error(new Error("connection lost")) });
    Object.defineProperty(sent, "body", { value: body });
    const forwarded: Request[] = [];
    const fetch = async (request: Request) => {
      forwarded.push(request);
      return new Response("#EXTM3U");
    };
    const { response } = await fetchMedia(target, { manifest: { fetch } }, sent);
    expect(response.status).toBe(200);
    const [{ url, method, headers: passed, body: left } = sent] = forwarded;
    expect([url, method, left]).toEqual([sent.url, "GET", null]);
    expect([passed.get("Content-Length"), passed.get("CF-Connecting-IP")]).toEqual([null, "192.0.2.7"]);
  });
});

describe("a segment", () => {
  const [soon, late] = [timeAfter(now, seconds(40)), timeAfter(now, seconds(200))];
  it.each([
    ["the URL's expiry, if that comes first", soon, late],
    ["the session's end, if that comes first", late, soon],
  ])("is cacheable until %s", async (_, expiry, grantEnds) => {
    const { response } = await fetchMedia(segment(expiry, grantEnds));
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([200, "private, max-age=40"]);
  });
});

describe("a request through CloudFront", () => {
  const network = { family: 4, bits: 24, bytes: Uint8Array.of(192, 0, 2, 0) } as const;
  const target = signedTarget(key, { purpose: "segment", grant: grantOf(key, { network }), path: "/film/0.ts" });
  const secret = "s".repeat(32);
  const from = (headers: Record<string, string>) =>
    new Request(`https://media.example${target}`, { headers: { "CF-Connecting-IP": "130.176.0.1", ...headers } });

  it("is the viewer's that CloudFront names, with the deployment's secret only", async () => {
    const named = { "Stagedoor-Viewer": "192.0.2.7 DE" };
    const statuses = [named, { ...named, "Stagedoor-Edge-Secret": secret }].map(async (headers) => {
      const { response } = await fetchMedia(target, { edgeSecrets: [secret] }, from(headers));
      return response.headers.get("Stagedoor-Refusal") ?? response.status;
    });
    expect(await Promise.all(statuses)).toEqual(["binding_mismatch", 200]);
  });
});

describe("a playlist from the manifest worker", () => {
  const playlist = signedTarget(key, { purpose: "playlist", grant: grantOf(key), path: "/film/index.m3u8" });
  const manifest = (answer: () => Promise<Response>): EdgeParts["manifest"] => ({ fetch: answer });
  const problem = { "Content-Type": "application/problem+json" };

  it.each([
    ["is not bound", undefined],
    ["throws", manifest(() => Promise.reject(new Error("MARKED")))],
    ["has crashed, and the runtime answers", manifest(async () => new Response("MARKED", { status: 500 }))],
    ["is missing, and a page says so", manifest(async () => new Response("<p>MARKED", { status: 503 }))],
  ])("is 503 store_unavailable with Retry-After if the worker %s", async (_, bound) => {
    const { response, log } = await fetchMedia(playlist, { manifest: bound });
    const text = await response.text();
    expect([response.status, JSON.parse(text).code]).toEqual([503, "store_unavailable"]);
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(text + log.join()).not.toContain("MARKED");
  });

  it.each([
    ["", 20],
    ["&_HLS_msn=7", 50],
  ])('with "%s" appended is 503 store_unavailable if the worker hangs for %i s', async (appended, limit) => {
    const lengths: number[] = [];
    const timer: EdgeParts["timer"] = (length, ring) => {
      lengths.push(length);
      ring();
      return () => undefined;
    };
    const cancelled = Promise.withResolvers<void>();
    const late = Promise.withResolvers<Response>();
    const { response } = await fetchMedia(`${playlist}${appended}`, { manifest: manifest(() => late.promise), timer });
    expect([response.status, (await response.json()).code]).toEqual([503, "store_unavailable"]);
    expect(lengths).toEqual([limit]);
    late.resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
    await cancelled.promise;
  });

  it.each([
    ["a playlist", 200, {}],
    ["a refusal", 403, problem],
    ["a failure that it names itself", 502, problem],
  ])("is passed on unchanged: %s", async (_, status, headers) => {
    const respond = async () => new Response("its own words", { status, headers });
    const { response } = await fetchMedia(playlist, { manifest: manifest(respond) });
    expect([response.status, await response.text()]).toEqual([status, "its own words"]);
  });

  it("is requested with its target unchanged", async () => {
    let seen = "";
    const fetch = async ({ url }: Request) => {
      seen = url;
      return new Response("");
    };
    await fetchMedia(`${playlist}&CMCD=br%3D1`, { manifest: { fetch } });
    expect(seen).toBe(`https://media.example${playlist}&CMCD=br%3D1`);
  });
});

describe("the telemetry of a playlist", () => {
  const playlist = signedTarget(key, { purpose: "playlist", grant: grantOf(key), path: "/film/index.m3u8" });
  const header = "Stagedoor-Playlist-From";

  it.each(["memory", "origin"])("has the time that the manifest worker took, from its %s", async (from) => {
    const { telemetry, events } = memoryTelemetry();
    let time = now * 1000;
    const fetch = async () => {
      time += 7;
      return new Response("a playlist", { headers: { [header]: from } });
    };
    const milliseconds = () => unixMilliseconds(time);
    const { response } = await fetchMedia(playlist, { telemetry, milliseconds, manifest: { fetch } });
    expect(events).toEqual([
      { event: "rewritten", from, took: 7 },
      { event: "served", what: "playlist", outcome: "served" },
    ]);
    // Headers between the workers are not for viewers.
    expect(response.headers.get(header)).toBeNull();
    expect(await response.text()).toBe("a playlist");
  });

  it("is not sent for a refusal", async () => {
    const { telemetry, events } = memoryTelemetry();
    const headers = { "Content-Type": "application/problem+json" };
    const fetch = async () => new Response("{}", { status: 502, headers });
    await fetchMedia(playlist, { telemetry, manifest: { fetch } });
    expect(events).toEqual([]);
  });
});

describe("the telemetry of a segment", () => {
  it.each([
    ["served", in5Minutes],
    ["renewed", timeAfter(now, seconds(-60))],
  ])("says that it was %s", async (outcome, expiry) => {
    const { telemetry, events } = memoryTelemetry();
    await fetchMedia(segment(expiry, in5Minutes), { telemetry });
    expect(events).toEqual([{ event: "served", what: "segment", outcome }]);
  });

  it("is not sent for a refusal", async () => {
    const { telemetry, events } = memoryTelemetry();
    await fetchMedia(segment(in5Minutes, in5Minutes), { telemetry, admit: () => endedBecause("revoked").refusal });
    expect(events).toEqual([]);
  });
});

describe("a playlist that was held", () => {
  const grant = grantOf(key);
  const playlist = signedTarget(key, { purpose: "playlist", grant, path: "/film/index.m3u8" });
  const { refusal: refused } = endedBecause("revoked");

  it("is not sent to a session that ended in the meantime", async () => {
    let time = now;
    let ended = false;
    const held = async () => {
      time = timeAfter(time, seconds(3));
      ended = true;
      return new Response("a playlist");
    };
    const admitted: UnixSeconds[] = [];
    const admit: EdgeParts["admit"] = (_, context) => {
      admitted.push(context.now);
      return ended ? refused : undefined;
    };
    const { response } = await fetchMedia(playlist, { clock: () => time, admit, manifest: { fetch: held } });
    expect([response.status, Object(await response.json()).code]).toEqual([403, "session_revoked"]);
    expect(admitted).toEqual([now, timeAfter(now, seconds(3))]);
  });

  it("costs one admission if the session did not end", async () => {
    let admissions = 0;
    const admit = () => void admissions++;
    const { response } = await fetchMedia(playlist, {
      admit,
      manifest: { fetch: async () => new Response("a playlist") },
    });
    expect([response.status, admissions]).toEqual([200, 1]);
  });
});

describe("a session that must not continue", () => {
  const grant = grantOf(key);
  const urlOf = (purpose: MediaPurpose, expiry = in5Minutes) =>
    signedTarget(key, { purpose, grant, path: "/film/0.ts", expiry });
  const late = timeAfter(now, seconds(-60));
  const { refusal: refused } = endedBecause("taken");

  it.each([
    ["a segment", urlOf("segment")],
    ["an expired segment, instead of a redirect", urlOf("segment", late)],
    ["a key", urlOf("key")],
    ["a playlist", urlOf("playlist")],
  ])("does not get %s, whether the refusal is known at once or awaited", async (_, target) => {
    const bound: EdgeParts["manifest"] = { fetch: async () => new Response("a playlist") };
    for (const admit of [() => refused, async () => refused]) {
      const { response, requests } = await fetchMedia(target, { admit, manifest: bound });
      expect([response.status, Object(await response.json()).code, requests]).toEqual([403, "stream_taken", []]);
    }
    for (const admit of [() => undefined, async () => undefined])
      expect((await fetchMedia(target, { admit, manifest: bound })).response.status).toBeLessThan(400);
  });

  it("is logged by the hash of its subject after its grant was opened, and not before", async () => {
    const opened = unwrap(openGrant(grant, keys, now));
    const { log } = await fetchMedia(urlOf("segment"), { admit: () => refused });
    expect(JSON.parse(log.join())).toMatchObject({ worker: "edge", code: "stream_taken", subject: opened.subject });
    const forged = await fetchMedia(urlOf("segment").replace(/^\/..../, "/2D3S"));
    expect(Object.keys(JSON.parse(forged.log.join()))).toEqual(["worker", "event", "code", "reason", "request"]);
  });

  it.each([
    ["forged", urlOf("segment").replace(/.$/, (last) => (last === "A" ? "Q" : "A"))],
    ["for another file", urlOf("segment").replace("/0.ts", "/1.ts")],
    ["an expired playlist's", urlOf("playlist", late)],
    ["not signed", `/${grant}/film/0.ts`],
    ["not canonical", urlOf("segment").replace("/film/", "/film;x/")],
  ])("is not checked if the URL is %s, so that an unauthenticated caller stores nothing", async (_, target) => {
    let admissions = 0;
    const admit = () => {
      admissions++;
      return undefined;
    };
    const { response } = await fetchMedia(target, { admit });
    expect([response.status >= 400, admissions]).toEqual([true, 0]);
  });
});

describe("a file of an asset that CloudFront serves", () => {
  const signed = (path: string, query: string) =>
    unwrap(ourSigner(pair, "SHA256").file(path, query, { expires: in5Minutes })).slice(baseUrl.length);

  it("is cacheable by its viewer only, until its URL expires", async () => {
    const { response } = await fetchMedia(signed("/sea/0.ts", ""));
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([200, "private, max-age=300"]);
  });

  it("is not cacheable if it is a key", async () => {
    const { response } = await fetchMedia(signed("/sea/keys/0.key", ""));
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
  });

  it("is requested from the origin with the signed query, without CloudFront's parameters", async () => {
    const { response, requests } = await fetchMedia(signed("/sea/v1/0.ts", "b=~1&c=%2F"));
    expect(response.status).toBe(200);
    expect(requests.map(({ path, query }) => [path, query])).toEqual([["v1/0.ts", "b=~1&c=%2F"]]);
  });

  it("is requested from the origin without a query under a wildcard, where the viewer could write one", async () => {
    const directory = unwrap(ourSigner(pair, "SHA256").directory("/sea/v1/", { expires: in5Minutes }));
    const target = unwrap(directory("/sea/v1/0.ts", "")).slice(baseUrl.length);
    const { requests } = await fetchMedia(`${target}&acl&b=1`);
    expect(requests.map(({ path, query }) => [path, query])).toEqual([["v1/0.ts", ""]]);
  });
});
