import { textBytes } from "../../../src/base/lossless-text.ts";
import type { MediaPurpose } from "../../../src/base/media-purpose.ts";
import { ok, type Refusal, type Result } from "../../../src/base/result.ts";
import {
  type MillisecondClock,
  type Seconds,
  seconds,
  type Timer,
  type UnixSeconds,
  unixMilliseconds,
} from "../../../src/base/time.ts";
import { type Catalog, parseCatalog } from "../../../src/catalog/catalog.ts";
import { newCloudFrontKey } from "../../../src/keys/generate.ts";
import { PlaylistShelf } from "../../../src/manifest/playlist-shelf.ts";
import { directPlaylists, type PlaylistSource } from "../../../src/manifest/playlist-source.ts";
import { answerManifest } from "../../../src/manifest/serve-playlist.ts";
import type { Origin, OriginRequest } from "../../../src/origin/origin.ts";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import { cloudFrontSign, nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { cloudFrontSigners } from "../../../src/signing/cloudfront/asset-signers.ts";
import { mintGrant } from "../../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { type MemoryFile, memoryOrigin } from "../../support/memory-files.ts";
import { claimsOf, grantIssuer, in6Hours, keyOf, sessionKey, signedTarget, now as start } from "../signing/session.ts";

const mediaUrl = "https://media.example";

export interface Viewer {
  /** Ten characters that distinguish the viewer's session id. */
  readonly name: string;
  readonly asset?: string;
  readonly sessionExpiry?: UnixSeconds;
  /** The quality class of the viewer's plan. */
  readonly qualityClass?: string;
}

interface RequestOptions {
  readonly expiry?: UnixSeconds;
  readonly appended?: string;
  readonly method?: "GET" | "HEAD";
  readonly purpose?: MediaPurpose;
  /** The origin's own query, which is signed. */
  readonly query?: string;
}

/** A manifest worker in memory. The test controls its clock, its catalog and its origin's files. */
export async function playlistStage(
  files: Readonly<Record<string, string>>,
  shelfCapacity = 48 * 1024 * 1024,
  shared?: { readonly source: PlaylistSource; readonly milliseconds: MillisecondClock },
) {
  const stored = new Map<string, MemoryFile>();
  const requests: OriginRequest[] = [];
  const state: { now: UnixSeconds; assets: readonly object[]; respond: Origin | undefined } = {
    now: start,
    assets: [
      assetOf("film"),
      assetOf("premiere", { segmentSignature: "session" }),
      assetOf("cloud", { cdn: "cloudfront-signed", cloudfront: { keyPairId: "K2", url: "https://d1.cloudfront.net" } }),
      assetOf("keyless", { cdn: "cloudfront-signed", cloudfront: { keyPairId: "K9" } }),
    ],
    respond: undefined,
  };
  const timers = new Set<{ readonly length: Seconds; readonly ring: () => void }>();
  const timer: Timer = (length, ring) => {
    const set = { length, ring };
    timers.add(set);
    return () => timers.delete(set);
  };
  let versions = 0;
  const put = (name: string, text: string) => stored.set(name, { body: textBytes(text), etag: `"${++versions}"` });
  for (const [name, text] of Object.entries(files)) put(name, text);
  const pair = await newCloudFrontKey("K2", "ec");
  const ring = { keys: [sessionKey("2026-a", 1), pair] };
  const keys = await prepareSessionKeys(ring, nobleHmac);
  const inMemory = memoryOrigin(stored);
  // Parsed once per value, as in a worker, so that its assets stay the same objects.
  const catalogs = new Map<unknown, Catalog>();
  const catalogOf = (assets: unknown): Catalog => {
    const known = catalogs.get(assets);
    if (known !== undefined) return known;
    const parsed = parseCatalog({ version: 1, assets });
    if (!parsed.ok) throw new Error("the catalog of these tests is faulty");
    catalogs.set(assets, parsed.value);
    return parsed.value;
  };
  const milliseconds = shared?.milliseconds ?? (() => unixMilliseconds(1000 * state.now));
  const origin = (request: OriginRequest) => {
    requests.push(request);
    return (state.respond ?? inMemory)(request);
  };
  const refusals: Refusal[] = [];
  const delays: number[] = [];
  const parts = {
    clock: () => state.now,
    milliseconds,
    grantIssuer,
    source: shared?.source ?? directPlaylists({ origin, timer, clock: milliseconds }),
    onRefusal: (refusal: Refusal) => void refusals.push(refusal),
    onLive: (delay: number) => void delays.push(delay),
    catalog: async () => ok(catalogOf(state.assets)),
    keys,
    shelf: new PlaylistShelf(shelfCapacity),
    mediaHost: "media.example",
    mediaUrl,
    sha256: nodeSha256,
    development: false,
    edgeSecrets: [],
    enforcement: undefined,
    ready: async () => [],
    waitUntil: () => undefined,
    pauseAllowance: seconds(300),
    sessionTtl: seconds(21_600),
    expiryStep: seconds(30),
    cloudFront: cloudFrontSigners(
      ring,
      mediaUrl,
      () => state.now,
      (key, hash) => cloudFrontSign({ ...key }, hash),
    ),
  };

  /** The target of this viewer's URL of a playlist, or of another file. */
  const target = (viewer: Viewer, rest: string, { expiry, purpose = "playlist", query = "" }: RequestOptions) => {
    const { name, asset: id = "film", sessionExpiry = in6Hours, qualityClass } = viewer;
    const key = keyOf(keys, "2026-a");
    const sessionId = name.padEnd(22, "A");
    const grant = mintGrant(claimsOf({ prefix: `/${id}/`, sessionId, expiresAt: sessionExpiry, qualityClass }), key);
    return signedTarget(key, {
      purpose,
      grant,
      ...(qualityClass !== undefined && { qualityClass }),
      path: `/${id}/${rest}`,
      query,
      expiry: expiry ?? sessionExpiry,
    });
  };

  const load = async (viewer: Viewer, rest: string, options: RequestOptions = {}) => {
    const { appended = "", method = "GET" } = options;
    const raw = new Request(`${mediaUrl}/`);
    return answerManifest({ method, target: target(viewer, rest, options) + appended, raw }, parts);
  };

  const text = async (...request: Parameters<typeof load>) => textOf(await load(...request));

  /** Lets this many seconds pass: every timer of at most that length fires. */
  const wait = (length: number) => {
    for (const set of timers) if (set.length <= length) set.ring();
  };

  return { state, put, requests, load, text, wait, timers, refusals, delays, shelf: parts.shelf };
}

/** An asset in R2 under a prefix of its own name, with the given fields replaced. */
export function assetOf(id: string, fields: object = {}) {
  return { id, origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` }, entry: "index.m3u8", ...fields };
}

export async function textOf(result: Result<Response, Refusal>): Promise<string> {
  if (!result.ok) throw new Error(`refused: ${result.refusal.code}: ${result.refusal.reason}`);
  return result.value.text();
}
