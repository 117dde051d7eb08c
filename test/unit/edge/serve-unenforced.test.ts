import { describe, expect, it } from "vitest";
import { ok, type RefusalCode, refusal } from "../../../src/base/result.ts";
import {
  rfc3339,
  seconds,
  systemMillisecondClock,
  systemTimer,
  after as timeAfter,
  unixMilliseconds,
} from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { isServedIn } from "../../../src/catalog/enforcement.ts";
import type { FileRequest } from "../../../src/edge/deliver-file.ts";
import { type EdgeParts, serveRequest } from "../../../src/edge/serve-request.ts";
import { observe } from "../../../src/edge/serve-unenforced.ts";
import { problemResponse } from "../../../src/http/problem-response.ts";
import { refusalCodes } from "../../../src/http/problems.ts";
import { PlaylistShelf } from "../../../src/manifest/playlist-shelf.ts";
import { directPlaylists } from "../../../src/manifest/playlist-source.ts";
import { answerManifest, type ManifestParts } from "../../../src/manifest/serve-playlist.ts";
import { noTelemetry, type TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import type { RevocationKind } from "../../../src/sessions/revocation.ts";
import { HeldRevocations } from "../../../src/sessions/revocation-snapshot.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { nothingRevoked } from "../../support/memory-stores.ts";
import { unwrap } from "../signing/samples.ts";
import { claimsOf, grantOf, keyOf, now, preparedKeys, signedTarget } from "../signing/session.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
const playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n0.ts\n#EXT-X-ENDLIST\n";
const mediaUrl = "https://media.example";

interface Stage {
  readonly enforcement?: object;
  readonly conditions?: object;
  readonly fallback?: EdgeParts["enforcement"];
  readonly changes?: Partial<EdgeParts>;
  readonly playlist?: string;
}

/** The real edge and manifest worker. The asset `film` has the given enforcement; `lake` says nothing. */
function stage({ enforcement, conditions = {}, fallback, changes = {}, playlist: text = playlist }: Stage) {
  const of = (id: string, fields = {}) => ({
    ...{ id, entry: "index.m3u8", origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` } },
    ...fields,
  });
  const assets = [of("film", { ...conditions, ...(enforcement !== undefined && { enforcement }) }), of("lake")];
  const catalog = unwrap(parseCatalog({ version: 1, assets }));
  const delivered: FileRequest[] = [];
  const events: TelemetryEvent[] = [];
  const lines: string[] = [];
  const common = {
    ...{ keys, open: openGrant, grantIssuer: "stagedoor", catalog: async () => ok(catalog), clock: () => now },
    ...{ timer: systemTimer, pauseAllowance: seconds(300), expiryStep: seconds(30), sha256: nodeSha256 },
    ...{ development: false, edgeSecrets: [], mediaUrl, ready: async () => [], waitUntil: () => undefined },
    ...{ enforcement: fallback, milliseconds: systemMillisecondClock },
  };
  const manifest: ManifestParts = {
    ...common,
    mediaHost: "media.example",
    sessionTtl: seconds(21_600),
    source: directPlaylists({
      origin: async () => ok(new Response(text)),
      timer: systemTimer,
      clock: systemMillisecondClock,
    }),
    shelf: new PlaylistShelf(100_000),
    cloudFront: () => refusal("configuration_invalid", "no CloudFront here"),
  };
  const telemetry = (event: TelemetryEvent) => void events.push(event);
  const observed = observe({ worker: "edge", log: (line) => void lines.push(line), telemetry }, () => now);
  return {
    delivered,
    events,
    lines,
    get: async (target: string, headers = {}) => {
      const raw = new Request(`${mediaUrl}${target}`, { headers });
      const edge: EdgeParts = {
        ...common,
        publicKeys: () => undefined,
        renewal: "redirect",
        deliver: async (file) => {
          delivered.push(file);
          return ok(new Response(file.path.endsWith(".m3u8") ? text : file.path));
        },
        files: { serve: async () => ok(new Response("a file")), judge: async () => ok(undefined) },
        admit: () => undefined,
        revocations: nothingRevoked,
        telemetry: noTelemetry,
        observed,
        manifest: {
          fetch: async () => {
            const result = await answerManifest({ method: "GET", target, raw }, manifest);
            return result.ok ? result.value : problemResponse(result.refusal);
          },
        },
        ...changes,
      };
      const result = await serveRequest({ method: "GET", target, raw }, edge);
      const response = result.ok ? result.value : problemResponse(result.refusal);
      const code = response.headers.get("Stagedoor-Refusal") ?? "served";
      return { code, text: await response.text() };
    },
  };
}

const until = rfc3339(timeAfter(now, seconds(3_600)));
const observing = { mode: "observe", until };
const off = { mode: "off", from: rfc3339(now), until };
/** Bound to a network that is not the client's. */
const elsewhere = { network: { family: 4, bits: 32, bytes: new Uint8Array([192, 0, 2, 1]) } } as const;
const past = timeAfter(now, seconds(-60));
const segment = (fields = {}) =>
  signedTarget(key, { purpose: "segment", grant: grantOf(key), path: "/film/360p/0.ts", ...fields });
const list = (fields = {}) =>
  signedTarget(key, { purpose: "playlist", grant: grantOf(key), path: "/film/index.m3u8", ...fields });
const forged = (target: string) => target.slice(0, -22) + "A".repeat(22);

describe("an asset in observe", () => {
  it.each([
    ["a URL without a grant", "/film/360p/0.ts", "signature_missing"],
    ["something else as the grant", "/nonsense/film/360p/0.ts", "signature_missing"],
    ["a grant without a signature", `/${grantOf(key)}/film/360p/0.ts`, "signature_missing"],
    ["a forged signature", forged(segment()), "signature_invalid"],
    ["a grant that has expired", segment({ grant: grantOf(key, { expiresAt: past }) }), "grant_expired"],
    ["a grant of a key that is gone", segment({ grant: grantOf({ ...key, kid: "gone" }) }), "key_unknown"],
    ["a grant of another network", segment({ grant: grantOf(key, elsewhere) }), "binding_mismatch"],
  ])("serves %s from the origin, counted by its code", async (_, target, code) => {
    const { get, delivered, events, lines } = stage({ enforcement: observing });
    expect(await get(target, { "User-Agent": "AppleCoreMedia/1" })).toEqual({ code: "served", text: "360p/0.ts" });
    expect(delivered).toMatchObject([{ path: "360p/0.ts", query: "", cacheable: true }]);
    expect(events).toEqual([{ event: "observed", code, player: "AVPlayer", asset: "film" }]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ event: "observed", code, asset: "film" }]);
  });

  it.each(["session_shared", "stream_taken"] as const)("serves a session that is refused with %s", async (code) => {
    const { get, events } = stage({ enforcement: observing, changes: { admit: () => refusal(code, "…").refusal } });
    expect((await get(segment())).code).toBe("served");
    expect(events).toMatchObject([{ code }]);
  });

  it.each([
    ["a path that is not canonical", "/film/../lake/0.ts", "path_invalid"],
    ["a grant for another asset", segment({ grant: grantOf(key, { prefix: "/lake/" }) }), "path_not_covered"],
    ["another asset, which is enforced", "/lake/0.ts", "signature_missing"],
    ["another asset behind its own name", "/nonsense/lake/0.ts", "signature_missing"],
    ["no asset", "/gone/0.ts", "signature_missing"],
    ["a folder", "/film/360p/", "signature_missing"],
    ["an alias of a path with dot segments", "/film/~/Li4vc2VjcmV0.ts", "signature_missing"],
  ])("still refuses %s", async (_, target, code) => {
    const { get, delivered } = stage({ enforcement: observing });
    expect((await get(target)).code).toBe(code);
    expect(delivered).toEqual([]);
  });

  it("still refuses a request that does not meet the asset's conditions", async () => {
    const { get, delivered } = stage({ enforcement: observing, conditions: { countries: { only: ["DE"] } } });
    expect((await get("/film/0.ts")).code).toBe("country_forbidden");
    expect(delivered).toEqual([]);
  });

  it("serves a request that names two assets from the first one's files", async () => {
    const { get, delivered } = stage({ enforcement: observing });
    await get("/film/lake/0.ts");
    expect(delivered).toMatchObject([{ asset: { id: "film" }, path: "lake/0.ts" }]);
  });

  it.each<[RevocationKind, string, target: string, code: string]>([
    ["asset", "film", "/film/0.ts", "session_revoked"],
    ["session", claimsOf().sessionId, forged(segment()), "session_revoked"],
    ["key", key.kid, forged(segment()), "session_revoked"],
    // A blackout: the place of these requests is unknown.
    ["subject", "blackout:film:DE", "/film/0.ts", "place_not_allowed"],
    ["subject", "blackout:film:DE", "/film/index.m3u8", "place_not_allowed"],
    ["subject", "blackout:film:DE", forged(segment()), "place_not_allowed"],
  ])("still refuses what an operator revoked: %s %s, %s with %s", async (kind, value, target, code) => {
    const held = new HeldRevocations();
    const entry = { kind, value, cause: "revoked", at: now, until: timeAfter(now, seconds(600)) } as const;
    held.apply({
      entries: [entry],
      cursor: 1,
      asOf: unixMilliseconds(now * 1000),
      notBefore: undefined,
      reset: false,
      more: false,
    });
    const { get } = stage({
      enforcement: observing,
      changes: { revocations: { atHand: () => held, current: async () => ok(held) } },
    });
    expect((await get(target)).code).toBe(code);
  });

  it("refuses while the revocations are unknown", async () => {
    const current = async () => refusal("store_unavailable", "down");
    const { get } = stage({
      enforcement: observing,
      changes: { revocations: { atHand: () => undefined, current } },
    });
    expect((await get("/film/0.ts")).code).toBe("signature_missing");
  });

  it("passes a playlist on unchanged without a grant, kept for a second at most", async () => {
    const { get, delivered } = stage({ enforcement: observing });
    expect((await get("/film/index.m3u8")).text).toBe(playlist);
    expect(delivered).toMatchObject([{ asset: { cacheLifetime: 1 }, remaining: 1 }]);
  });

  it.each([
    ["a grant without a signature", `/${grantOf(key)}/film/index.m3u8`],
    ["a manifest URL that has expired", list({ expiry: past })],
    ["a grant of another network", list({ grant: grantOf(key, elsewhere) })],
  ])("rewrites a playlist for %s, so that the next URLs are valid", async (_, target) => {
    const { get, delivered } = stage({ enforcement: observing });
    const { text } = await get(target);
    expect(text).toMatch(/\n0\.ts\?seg=\d+\.[\w-]{22}\n/);
    expect(delivered).toEqual([]);
  });

  it("logs one line a minute for each code, asset and player, and counts every request", async () => {
    const { get, events, lines } = stage({ enforcement: observing });
    for (let i = 0; i < 5; i++) await get(`/film/${i}.ts`);
    expect([events.length, lines.length]).toEqual([5, 1]);
  });

  it("keeps no file in a cache that may be a key", async () => {
    const { get, delivered } = stage({ enforcement: observing });
    await get("/film/enc.key");
    expect(delivered).toMatchObject([{ cacheable: false }]);
  });
});

describe("an asset that is off", () => {
  it("is served while the stores do not respond", async () => {
    const down = refusal("store_unavailable", "down");
    const { get } = stage({
      enforcement: off,
      changes: { admit: () => down.refusal, revocations: { atHand: () => undefined, current: async () => down } },
    });
    expect((await get(segment())).code).toBe("served");
  });

  it("passes on a playlist that cannot be rewritten", async () => {
    const broken = `${playlist}#EXT-X-DEFINE:NAME="a"\n`;
    expect((await stage({ enforcement: observing, playlist: broken }).get(list())).code).toBe("playlist_invalid");
    expect(await stage({ enforcement: off, playlist: broken }).get(list())).toEqual({ code: "served", text: broken });
  });
});

describe("an asset that says nothing", () => {
  it("follows the default, and is enforced without one", async () => {
    const fallback = { mode: "observe", until: timeAfter(now, seconds(60)) } as const;
    expect((await stage({ fallback }).get("/film/0.ts")).code).toBe("served");
    expect((await stage({}).get("/film/0.ts")).code).toBe("signature_missing");
  });
});

describe("a refusal's code", () => {
  it("passes in observe only if it is about grants, signatures or a session's limits", () => {
    const passing = refusalCodes.filter((code) => isServedIn("observe", code));
    expect(passing.toSorted()).toEqual<RefusalCode[]>([
      ...(["binding_mismatch", "grant_expired", "grant_invalid", "key_unknown", "session_shared"] as const),
      ...(["signature_expired", "signature_invalid", "signature_missing", "stream_limit", "stream_taken"] as const),
    ]);
    expect(refusalCodes.some((code) => isServedIn("enforce", code))).toBe(false);
  });
});
