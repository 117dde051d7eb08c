import { randomBytes } from "node:crypto";
import type { MacPort } from "../src/base/crypto.ts";
import { encodeBase64url } from "../src/base/encoding.ts";
import { after, seconds, type UnixSeconds, unixSeconds } from "../src/base/time.ts";
import { mayContain } from "../src/cloudfront/packed-entry.ts";
import { StoreContents, storeBytes } from "../src/cloudfront/store-contents.ts";
import { packedEntry } from "../src/cloudfront/store-entries.ts";
import { newCloudFrontKey, newEdgeKey, newSessionKey } from "../src/keys/generate.ts";
import { cloudFrontSign, oneShotHmac } from "../src/platform/node/node-crypto.ts";
import type { LoggedRevocation, RevocationKind } from "../src/sessions/revocation.ts";
import { rewriteByHand } from "./baseline.ts";
import { manifestBench, mediaPlaylist, mediaUrl, nativeAssets, nativeKeyId, sharedAsset } from "./manifest.ts";
import { playlistNamed } from "./playlists.ts";
import { viewersPerStep } from "./rewriting.ts";
import { viewers } from "./viewers.ts";

const now = unixSeconds(1_795_000_000);
const text = playlistNamed("vod1200");
const isUri = (line: string) => line !== "" && !line.startsWith("#");

/** Signatures and bytes of the film of 1,200 segments at CloudFront: the same in every run. */
export async function countPlaylist(privateKey: string): Promise<Readonly<Record<string, number>>> {
  const ring = { keys: [newSessionKey("bench", randomBytes), await newCloudFrontKey(nativeKeyId, "rsa")] };
  const made = { segments: 0, native: 0 };
  const hmac: MacPort = (key) => {
    const mac = oneShotHmac(key);
    const counted = (message: string | Uint8Array) => {
      if (typeof message === "string" && message.startsWith("segment\n")) made.segments++;
    };
    return Object.assign(
      (message: string | Uint8Array) => {
        counted(message);
        return mac(message);
      },
      {
        base64url: (message: string) => {
          counted(message);
          return mac.base64url(message);
        },
      },
    );
  };
  const { freshIsolate } = await manifestBench(text, ring, now, hmac, (key, hash) => {
    const sign = cloudFrontSign({ ...key }, hash);
    return (policy) => {
      made.native++;
      return sign(policy);
    };
  });
  const targetFor = await viewers(ring, () => now);
  const serve = freshIsolate();
  const playlist = async (asset: string, viewer: number) => {
    const target = targetFor(viewer, { purpose: "playlist", asset, file: mediaPlaylist });
    return (await serve(new Request(mediaUrl + target))).text();
  };
  for (let viewer = 0; viewer < viewersPerStep; viewer++) await playlist(sharedAsset, viewer);
  const { segments } = made;
  const signing = { keyPairId: nativeKeyId, privateKey, dateLessThan: now * 1000 };
  const byHand = rewriteByHand(text, { base: `${mediaUrl}/${sharedAsset}/720p/`, ...signing });
  return {
    "signatures.shared": segments,
    // Code by hand keeps no signature for the next viewer, so one playlist says it for all.
    "signatures.byHand": (byHand.split("&Signature=").length - 1) * viewersPerStep,
    "signatures.wildcards": viewersPerStep,
    "uri.shared": addedBytes(text, await playlist(sharedAsset, 0)),
    "uri.canned": addedBytes(text, await playlist(nativeAssets.canned, 0)),
    "uri.custom": addedBytes(text, await playlist(nativeAssets.custom, 0)),
  };
}

/** The most bytes that one segment's line has more than in the origin's playlist. */
export function addedBytes(original: string, rewritten: string): number {
  const before = original.split("\n").filter(isUri);
  const added = rewritten
    .split("\n")
    .filter(isUri)
    .map((line, index) => Buffer.byteLength(line) - Buffer.byteLength(before[index] ?? ""));
  if (added.length !== before.length) throw new Error("the rewritten playlist has other segments");
  return Math.max(...added);
}

/** How much a KeyValueStore holds: entries of viewers, and what its packed entry has room for. */
export function countStore(): Readonly<Record<string, number>> {
  const keys = [newEdgeKey("cloudfront-2026-a", randomBytes), newEdgeKey("cloudfront-2026-b", randomBytes)];
  const until = after(now, seconds(600));
  const entries = (kind: RevocationKind) => {
    const contents = new StoreContents();
    const id = () => encodeBase64url(randomBytes(16));
    const all = Array.from({ length: 200_000 }, () => ({ ...ended(kind, id(), until), subject: id() }));
    contents.apply({ reset: true, entries: all }, now);
    const wanted = contents.wanted(now, { keys, until }, storeBytes);
    return wanted.ok ? all.length - wanted.value.dropped : 0;
  };
  const packed = (count: number, revocations: readonly LoggedRevocation[]) =>
    packedEntry({
      keys: Array.from({ length: count }, (_, at) => newEdgeKey(`cloudfront-2026-${at}`, randomBytes)),
      revocations,
      until,
      renewal: "function",
    });
  const most = (fits: (count: number) => boolean) => {
    let count = 0;
    while (fits(count + 1)) count++;
    return count;
  };
  const names = (count: number) =>
    Array.from({ length: count }, (_, at) => ended("asset", `film-of-2026-${at}`, until));
  return {
    "store.sessions": entries("session"),
    "store.logins": entries("login"),
    "packed.keys": most((count) => packed(count, []).ok),
    "packed.assets": most((count) => {
      const entry = packed(2, names(count));
      return entry.ok && entry.value.split("|")[1] === "";
    }),
    "filter.100": falseHits(100),
    "filter.1000": falseHits(1000),
  };

  /** How many of a hundred other viewers' requests go to the manifest host if so many viewers are revoked. */
  function falseHits(count: number): number {
    const revocations = Array.from({ length: count }, () => ended("subject", encodeBase64url(randomBytes(16)), until));
    const entry = packed(2, revocations);
    const filter = Buffer.from(entry.ok ? (entry.value.split("|")[5] ?? "") : "", "base64url");
    const others = 500_000;
    const ids = randomBytes(16 * others);
    let hits = 0;
    for (let at = 0; at < ids.length; at += 16) if (mayContain(filter, ids.subarray(at, at + 16))) hits++;
    return (100 * hits) / others;
  }
}

function ended(kind: RevocationKind, value: string, until: UnixSeconds): LoggedRevocation {
  return { kind, value, cause: "revoked", at: now, until, by: "viewer", lastGrant: until };
}
