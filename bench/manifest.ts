import type { MacPort } from "../src/base/crypto.ts";
import { utf8 } from "../src/base/encoding.ts";
import { ok } from "../src/base/result.ts";
import { type Seconds, seconds, systemTimer, type UnixSeconds, unixMilliseconds } from "../src/base/time.ts";
import { parseCatalog } from "../src/catalog/catalog.ts";
import { answerMedia } from "../src/edge/answer-media.ts";
import type { CheckContext } from "../src/edge/check-media-request.ts";
import type { KeyRing } from "../src/keys/ring.ts";
import { PlaylistShelf } from "../src/manifest/playlist-shelf.ts";
import { directPlaylists } from "../src/manifest/playlist-source.ts";
import { answerManifest, type ManifestParts } from "../src/manifest/serve-playlist.ts";
import { noTelemetry } from "../src/metrics/telemetry.ts";
import { nodeSha256 } from "../src/platform/node/node-crypto.ts";
import { cloudFrontSigners } from "../src/signing/cloudfront/asset-signers.ts";
import { rememberGrants } from "../src/signing/grant.ts";
import { prepareSessionKeys } from "../src/signing/session-keys.ts";
import { memoryOrigin } from "../test/support/memory-files.ts";
import { grantIssuer } from "./viewers.ts";

export const mediaUrl = "https://media.example";
/** The media playlist of all assets; their entry, a multivariant playlist, is not requested here. */
export const mediaPlaylist = "720p/index.m3u8";
/** The same film: with segment signatures shared by all viewers, bound to each session, or CloudFront's own. */
export const sharedAsset = "film";
export const sessionAsset = "film-session";
/** As {@link sharedAsset}, with a rule of each kind. Its name is as long, because longer URLs cost more to sign. */
export const ruledAsset = "gala";
export const nativeAssets = { canned: "film-canned", custom: "film-custom" };
/** As long as an id that CloudFront assigns. */
export const nativeKeyId = "K2JCJMDEHXQW5F";

const expiryStep: Seconds = seconds(30);

/** The manifest worker without the network, to measure the CPU of a request. */
export interface ManifestBench {
  /** The context with which the edge would check its URLs. */
  readonly check: CheckContext;
  /** An empty isolate: no playlist compiled or rendered, no grant opened. */
  readonly freshIsolate: () => (request: Request) => Promise<Response>;
}

type SignWith = Parameters<typeof cloudFrontSigners>[3];

const noNativeSignatures: SignWith = () => {
  throw new Error("no asset is on CloudFront");
};

/**
 * The worker for one playlist of the origin, with its runtime's fast HMAC and a fixed `now`, so all requests are in one
 * step. `signWith` signs CloudFront's own URLs.
 */
export async function manifestBench(
  text: string,
  ring: KeyRing,
  now: UnixSeconds,
  hmac: MacPort,
  signWith = noNativeSignatures,
): Promise<ManifestBench> {
  const assets = [
    asset(sharedAsset, { segmentSignature: "shared" }),
    asset(sessionAsset, { segmentSignature: "session" }),
    asset(ruledAsset, { segmentSignature: "shared", ...rules }),
    asset(nativeAssets.canned, native("canned")),
    asset(nativeAssets.custom, native("custom")),
  ];
  const catalog = parseCatalog({ version: 1, assets });
  if (!catalog.ok) throw new Error(`the catalog is faulty: ${catalog.refusal.map(({ advice }) => advice).join(" ")}`);
  const body = utf8(text);
  const file = { body, etag: '"1"' };
  // Read only to sign CloudFront's own URLs.
  const entry = { body: utf8(`#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=3000000\n${mediaPlaylist}\n`), etag: '"1"' };
  const filesOf = (id: string) => [[`${id}/${mediaPlaylist}`, file] as const, [`${id}/index.m3u8`, entry] as const];
  const origin = memoryOrigin(new Map(assets.flatMap(({ id }) => filesOf(id))));
  const keys = await prepareSessionKeys(ring, hmac);
  const milliseconds = () => unixMilliseconds(1000 * now);
  const lasting = {
    clock: () => now,
    milliseconds,
    grantIssuer,
    catalog: async () => ok(catalog.value),
    keys,
    source: directPlaylists({ origin, timer: systemTimer, clock: milliseconds }),
    mediaHost: new URL(mediaUrl).host,
    mediaUrl,
    pauseAllowance: seconds(300),
    sessionTtl: seconds(21_600),
    expiryStep,
    ready: async () => [],
    waitUntil: () => undefined,
    sha256: nodeSha256,
    development: false,
    edgeSecrets: [],
    enforcement: undefined,
    cloudFront: cloudFrontSigners(ring, mediaUrl, () => now, signWith),
  };
  const freshIsolate = () => {
    const parts: ManifestParts = {
      ...lasting,
      open: rememberGrants(10_000),
      shelf: new PlaylistShelf(48 * 1024 * 1024),
    };
    return (request: Request) => answerMedia(request, reporting, (parsed) => answerManifest(parsed, parts));
  };
  return { check: { keys, grantIssuer, catalog: catalog.value, now, client: "anybody" }, freshIsolate };
}

function asset(id: string, fields: object) {
  return { id, origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` }, entry: "index.m3u8", ...fields };
}

/** Each list is as long as an operator's may well be, and what the measured request has is at its end. */
const rules = {
  countries: { only: ["AT", "BE", "CH", "ES", "FR", "GB", "IT", "NL", "PL", "US"] },
  places: {
    except: [
      { regions: ["US-NY", "US-TX", "US-WA"] },
      { countries: ["US"], postal: ["100", "101", "102", "103", "104"] },
      { asns: Array.from({ length: 50 }, (_, number) => 64_500 + number) },
    ],
    anonymous: "refuse",
  },
  origins: ["https://www.example.net", "https://*.example.org", "https://*.example.com"],
  players: { except: ["Lavf/*", "*Kodi*", "VLC/*", "*OldBox/1.*", "curl/*"] },
  available: { from: "2020-01-01T00:00:00Z", until: "2100-01-01T00:00:00Z" },
};

function native(policy: "canned" | "custom") {
  const url = "https://d111111abcdef8.cloudfront.net";
  return { cdn: "cloudfront-signed", cloudfront: { url, policy, keyPairId: nativeKeyId } };
}

/** The log holds refusals and exceptions, which no benchmark should cause. */
const reporting = {
  worker: "manifest",
  telemetry: noTelemetry,
  random: (length: number) => new Uint8Array(length),
  log: (line: string): never => {
    throw new Error(line);
  },
};
