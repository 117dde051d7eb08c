import { beforeAll, describe, expect, it } from "vitest";
import type { MediaPurpose } from "../../../src/base/constants.ts";
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
import { type EdgeParts, serveRequest } from "../../../src/edge/serve-request.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { endedBecause } from "../../../src/sessions/revocation-snapshot.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { memoryTelemetry } from "../../support/memory-stores.ts";
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

/** The edge's answer to a target, over the film in memory, and what it asked the origin for. */
async function ask(
  target: string,
  changes: Partial<EdgeParts> = {},
  sent: Request = new Request(`https://media.example${target}`),
) {
  const { send, files, asked } = stage();
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
    waitUntil: () => undefined,
    admit: () => undefined,
    ready: async () => [],
    milliseconds: () => unixMilliseconds(now * 1000),
    telemetry: noTelemetry,
    sha256: nodeSha256,
    development: false,
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
  return { response, asked, log: written };
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
  it("is handed on to the manifest worker without it: a client that breaks it off is no failure of that worker", async () => {
    const target = signedTarget(key, { purpose: "playlist", grant: grantOf(key), path: "/film/index.m3u8" });
    const headers = { "Content-Length": "9", "CF-Connecting-IP": "192.0.2.7" };
    const sent = new Request(`https://media.example${target}`, { headers });
    const body = new ReadableStream({ start: (controller) => controller.error(new Error("connection lost")) });
    Object.defineProperty(sent, "body", { value: body });
    const handed: Request[] = [];
    const fetch = async (request: Request) => {
      handed.push(request);
      return new Response("#EXTM3U");
    };
    const { response } = await ask(target, { manifest: { fetch } }, sent);
    expect(response.status).toBe(200);
    const [{ url, method, headers: passed, body: left } = sent] = handed;
    expect([url, method, left]).toEqual([sent.url, "GET", null]);
    expect([passed.get("Content-Length"), passed.get("CF-Connecting-IP")]).toEqual([null, "192.0.2.7"]);
  });
});

describe("how long a viewer may keep a segment", () => {
  const [soon, late] = [timeAfter(now, seconds(40)), timeAfter(now, seconds(200))];
  it.each([
    ["the URL's end, where that comes first", soon, late],
    ["the session's end, where that comes first", late, soon],
  ])("until %s", async (_, expiry, grantEnds) => {
    const { response } = await ask(segment(expiry, grantEnds));
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([200, "private, max-age=40"]);
  });
});

describe("a playlist, which the manifest worker answers", () => {
  const playlist = signedTarget(key, { purpose: "playlist", grant: grantOf(key), path: "/film/index.m3u8" });
  const manifest = (answer: () => Promise<Response>): EdgeParts["manifest"] => ({ fetch: answer });
  const problem = { "Content-Type": "application/problem+json" };

  it.each([
    ["is not bound", undefined],
    ["throws", manifest(() => Promise.reject(new Error("MARKED")))],
    ["has fallen over, and the runtime answers", manifest(async () => new Response("MARKED", { status: 500 }))],
    ["is not there, and a page says so", manifest(async () => new Response("<p>MARKED", { status: 503 }))],
  ])("is 503 store_unavailable with Retry-After where it %s", async (_, bound) => {
    const { response, log } = await ask(playlist, { manifest: bound });
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
  ])("is 503 store_unavailable where the manifest worker hangs, after %s %i s", async (appended, limit) => {
    const lengths: number[] = [];
    const timer: EdgeParts["timer"] = (length, ring) => {
      lengths.push(length);
      ring();
      return () => undefined;
    };
    const cancelled = Promise.withResolvers<void>();
    const late = Promise.withResolvers<Response>();
    const { response } = await ask(`${playlist}${appended}`, { manifest: manifest(() => late.promise), timer });
    expect([response.status, (await response.json()).code]).toEqual([503, "store_unavailable"]);
    expect(lengths).toEqual([limit]);
    late.resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
    await cancelled.promise;
  });

  it.each([
    ["a playlist", 200, {}],
    ["a refusal", 403, problem],
    ["a failure that it names itself", 502, problem],
  ])("is passed on as it came: %s", async (_, status, headers) => {
    const answered = async () => new Response("its own words", { status, headers });
    const { response } = await ask(playlist, { manifest: manifest(answered) });
    expect([response.status, await response.text()]).toEqual([status, "its own words"]);
  });

  it("is handed on with its target untouched", async () => {
    let seen = "";
    const fetch = async ({ url }: Request) => {
      seen = url;
      return new Response("");
    };
    await ask(`${playlist}&CMCD=br%3D1`, { manifest: { fetch } });
    expect(seen).toBe(`https://media.example${playlist}&CMCD=br%3D1`);
  });
});

describe("of a playlist it is told", () => {
  const playlist = signedTarget(key, { purpose: "playlist", grant: grantOf(key), path: "/film/index.m3u8" });
  const header = "Stagedoor-Playlist-From";

  it.each(["memory", "origin"])("how long it took around the manifest worker, from its %s", async (from) => {
    const { telemetry, events } = memoryTelemetry();
    let time = now * 1000;
    const fetch = async () => {
      time += 7;
      return new Response("a playlist", { headers: { [header]: from } });
    };
    const milliseconds = () => unixMilliseconds(time);
    const { response } = await ask(playlist, { telemetry, milliseconds, manifest: { fetch } });
    expect(events).toEqual([
      { event: "rewritten", from, took: 7 },
      { event: "served", what: "playlist", outcome: "served" },
    ]);
    // What the workers tell each other is not for viewers.
    expect(response.headers.get(header)).toBeNull();
    expect(await response.text()).toBe("a playlist");
  });

  it("nothing where it was refused", async () => {
    const { telemetry, events } = memoryTelemetry();
    const headers = { "Content-Type": "application/problem+json" };
    const fetch = async () => new Response("{}", { status: 502, headers });
    await ask(playlist, { telemetry, manifest: { fetch } });
    expect(events).toEqual([]);
  });
});

describe("of a segment it is told that it was", () => {
  it.each([
    ["served", in5Minutes],
    ["renewed", timeAfter(now, seconds(-60))],
  ])("%s", async (outcome, expiry) => {
    const { telemetry, events } = memoryTelemetry();
    await ask(segment(expiry, in5Minutes), { telemetry });
    expect(events).toEqual([{ event: "served", what: "segment", outcome }]);
  });

  it("neither, where it was refused", async () => {
    const { telemetry, events } = memoryTelemetry();
    await ask(segment(in5Minutes, in5Minutes), { telemetry, admit: () => endedBecause("revoked").refusal });
    expect(events).toEqual([]);
  });
});

describe("a playlist that was waited for", () => {
  const grant = grantOf(key);
  const playlist = signedTarget(key, { purpose: "playlist", grant, path: "/film/index.m3u8" });
  const { refusal: why } = endedBecause("revoked");

  it("is not given to a session that was ended meanwhile", async () => {
    let time = now;
    let ended = false;
    const held = async () => {
      time = timeAfter(time, seconds(3));
      ended = true;
      return new Response("a playlist");
    };
    const admitted: UnixSeconds[] = [];
    const admit: EdgeParts["admit"] = (_, asking) => {
      admitted.push(asking.now);
      return ended ? why : undefined;
    };
    const { response } = await ask(playlist, { clock: () => time, admit, manifest: { fetch: held } });
    expect([response.status, Object(await response.json()).code]).toEqual([403, "session_revoked"]);
    expect(admitted).toEqual([now, timeAfter(now, seconds(3))]);
  });

  it("costs one admission where it was not", async () => {
    let admissions = 0;
    const admit = () => void admissions++;
    const { response } = await ask(playlist, { admit, manifest: { fetch: async () => new Response("a playlist") } });
    expect([response.status, admissions]).toEqual([200, 1]);
  });
});

describe("a session that may not go on", () => {
  const grant = grantOf(key);
  const urlOf = (purpose: MediaPurpose, expiry = in5Minutes) =>
    signedTarget(key, { purpose, grant, path: "/film/0.ts", expiry });
  const late = timeAfter(now, seconds(-60));
  const { refusal: why } = endedBecause("taken");

  it.each([
    ["a segment", urlOf("segment")],
    ["a segment whose time has run out, in place of a redirect", urlOf("segment", late)],
    ["a key", urlOf("key")],
    ["a playlist", urlOf("playlist")],
  ])("gets %s no more, whether the answer is known at once or waited for", async (_, target) => {
    const bound: EdgeParts["manifest"] = { fetch: async () => new Response("the manifest worker was asked") };
    for (const admit of [() => why, async () => why]) {
      const { response, asked } = await ask(target, { admit, manifest: bound });
      expect([response.status, Object(await response.json()).code, asked]).toEqual([403, "stream_taken", []]);
    }
    for (const admit of [() => undefined, async () => undefined])
      expect((await ask(target, { admit, manifest: bound })).response.status).toBeLessThan(400);
  });

  it("is named in the log by the hash of its subject, once its grant was opened, and not before", async () => {
    const opened = unwrap(openGrant(grant, keys, now));
    const { log } = await ask(urlOf("segment"), { admit: () => why });
    expect(JSON.parse(log.join())).toMatchObject({ worker: "edge", code: "stream_taken", subject: opened.subject });
    const forged = await ask(urlOf("segment").replace(/^\/..../, "/2D3S"));
    expect(Object.keys(JSON.parse(forged.log.join()))).toEqual(["worker", "event", "code", "reason", "request"]);
  });

  it.each([
    ["forged", urlOf("segment").replace(/.$/, (last) => (last === "A" ? "Q" : "A"))],
    ["for another file", urlOf("segment").replace("/0.ts", "/1.ts")],
    ["a playlist's that has ended", urlOf("playlist", late)],
    ["not signed", `/${grant}/film/0.ts`],
    ["not canonical", urlOf("segment").replace("/film/", "/film;x/")],
  ])("is not so much as asked about where the URL is %s: a stranger has nothing stored", async (_, target) => {
    let admissions = 0;
    const admit = () => {
      admissions++;
      return undefined;
    };
    const { response } = await ask(target, { admit });
    expect([response.status >= 400, admissions]).toEqual([true, 0]);
  });
});

describe("a file of an asset that CloudFront serves", () => {
  const signed = (path: string, query: string) =>
    unwrap(ourSigner(pair, "SHA256").file(path, query, { expires: in5Minutes })).slice(baseUrl.length);

  it("is kept by its viewer alone, until its URL's end", async () => {
    const { response } = await ask(signed("/sea/0.ts", ""));
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([200, "private, max-age=300"]);
  });

  it("that is a key is kept by nobody", async () => {
    const { response } = await ask(signed("/sea/keys/0.key", ""));
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
  });

  it("is asked of the origin with the query that was signed, and without CloudFront's parameters", async () => {
    const { response, asked } = await ask(signed("/sea/v1/0.ts", "b=~1&c=%2F"));
    expect(response.status).toBe(200);
    expect(asked.map(({ path, query }) => [path, query])).toEqual([["v1/0.ts", "b=~1&c=%2F"]]);
  });

  it("is asked of the origin with no query where the viewer could write one: under a wildcard", async () => {
    const directory = unwrap(ourSigner(pair, "SHA256").directory("/sea/v1/", { expires: in5Minutes }));
    const target = unwrap(directory("/sea/v1/0.ts", "")).slice(baseUrl.length);
    const { asked } = await ask(`${target}&acl&b=1`);
    expect(asked.map(({ path, query }) => [path, query])).toEqual([["v1/0.ts", ""]]);
  });
});
