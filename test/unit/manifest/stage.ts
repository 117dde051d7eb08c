import { encodeBase64url, utf8 } from "../../../src/base/encoding.ts";
import { ok, refusal } from "../../../src/base/result.ts";
import { after, seconds, systemMillisecondClock, systemTimer, type UnixSeconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { type EdgeParts, serveRequest } from "../../../src/edge/serve-request.ts";
import { problemResponse } from "../../../src/http/problem-response.ts";
import { PlaylistShelf } from "../../../src/manifest/playlist-shelf.ts";
import { directPlaylists } from "../../../src/manifest/playlist-source.ts";
import { answerManifest, type ManifestParts } from "../../../src/manifest/serve-playlist.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import type { ExplainContext } from "../../../src/operator/explain/explain-url.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { nothingRevoked } from "../../support/memory-stores.ts";
import { baseUrl, type KeyPair, keyPair, keyPairId, ourSigner, unwrap, withPolicy } from "../signing/samples.ts";
import { grantOf, keyOf, now, preparedKeys, signedTarget } from "../signing/session.ts";

const asset = (id: string, fields = {}) => ({
  id,
  origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` },
  entry: "index.m3u8",
  ...fields,
});

const catalog = unwrap(
  parseCatalog({
    version: 1,
    assets: [
      asset("film"),
      asset("premiere", { segmentSignature: "session" }),
      asset("sea", { cdn: "cloudfront-signed", cloudfront: { url: baseUrl, keyPairId, hash: "SHA256" } }),
      asset("lake", {
        cdn: "cloudfront-signed",
        cloudfront: { url: baseUrl, keyPairId: "another-key", hash: "SHA256" },
      }),
    ],
  }),
);

const sessions = await preparedKeys();
const mine = keyOf(sessions, "2026-a");
const ended = keyOf(sessions, "2025-z");
const pair: KeyPair = await keyPair("EC");
const stranger: KeyPair = await keyPair("EC");
const past = after(now, seconds(-60));

function cloudFront(path: string, window: Parameters<ReturnType<typeof ourSigner>["file"]>[2], keys = pair): string {
  return unwrap(ourSigner(keys, "SHA256").file(path, "", window)).slice(baseUrl.length);
}

/** A custom policy for the whole asset that accepts a range of addresses only. */
const ranged = `{"Statement":[{"Resource":"${baseUrl}/sea/*","Condition":{"DateLessThan":{"AWS:EpochTime":${now + 60}},"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}}}]}`;

export const grant = grantOf(mine);
const premiere = grantOf(mine, { prefix: "/premiere/" });

/** The path of an alias with this payload, valid or not. */
function aliasOf(payload: string): string {
  return `/film/~/${encodeBase64url(utf8(payload))}.ts`;
}

/** Request targets of every kind: some that are served, and one for each step of the check that refuses. */
export const targets = {
  segment: signedTarget(mine, { purpose: "segment", grant, path: "/film/360p/0.ts" }),
  segmentWithQuery: `${signedTarget(mine, { purpose: "segment", grant, path: "/film/0.ts", query: "v=7&key=a" })}&CMCD=x`,
  key: signedTarget(mine, { purpose: "key", grant, path: "/film/keys/0.key" }),
  playlist: signedTarget(mine, { purpose: "playlist", grant, path: "/film/index.m3u8" }),
  alias: signedTarget(mine, { purpose: "segment", grant, path: aliasOf("hdnts=exp=9~hmac=0a1b2c3d4e5f/0;a.ts?t=a:b") }),
  endedAlias: signedTarget(mine, { purpose: "key", grant, path: aliasOf("a//0.ts"), expiry: past }),
  aliasedPlaylist: signedTarget(mine, { purpose: "playlist", grant, path: aliasOf("a;b/low.ts") }),
  idleAlias: signedTarget(mine, { purpose: "segment", grant, path: aliasOf("0.ts") }),
  climbingAlias: signedTarget(mine, { purpose: "segment", grant, path: aliasOf("..%2F0.ts") }),
  forgedAlias: `/${grant}${aliasOf("a;b.ts")}?seg=${now + 60}.AAAAAAAAAAAAAAAAAAAAAA`,
  endedSegment: signedTarget(mine, { purpose: "segment", grant, path: "/film/0.ts", expiry: past }),
  endedPlaylist: signedTarget(mine, { purpose: "playlist", grant, path: "/film/index.m3u8", expiry: past }),
  boundSegment: signedTarget(mine, {
    purpose: "segment",
    grant: premiere,
    signedGrant: premiere,
    path: "/premiere/0.ts",
  }),
  unboundSegment: signedTarget(mine, { purpose: "segment", grant: premiere, path: "/premiere/0.ts" }),
  othersPlaylist: signedTarget(mine, {
    purpose: "playlist",
    grant,
    signedGrant: grantOf(mine, { subject: "another" }),
    path: "/film/index.m3u8",
  }),
  elsewhere: signedTarget(mine, { purpose: "segment", grant: premiere, path: "/film/0.ts" }),
  unsigned: `/${grant}/film/0.ts`,
  bare: "/film/0.ts",
  root: "/",
  endedSession: signedTarget(mine, {
    purpose: "segment",
    grant: grantOf(mine, { expiresAt: now }),
    path: "/film/0.ts",
  }),
  endedKey: signedTarget(ended, { purpose: "segment", grant: grantOf(ended), path: "/film/0.ts" }),
  goneAsset: signedTarget(mine, {
    purpose: "segment",
    grant: grantOf(mine, { prefix: "/gone/" }),
    path: "/gone/0.ts",
  }),
  canned: cloudFront("/sea/0.ts", { expires: after(now, seconds(60)) }),
  custom: cloudFront("/sea/0.ts", { expires: after(now, seconds(60)), starts: past }),
  endedCanned: cloudFront("/sea/0.ts", { expires: past }),
  notBegun: cloudFront("/sea/0.ts", { expires: after(now, seconds(60)), starts: now }),
  forAnAddress: withPolicy(pair, "/sea/0.ts", ranged),
  otherResource: withPolicy(pair, "/sea/0.ts", ranged.replace("/sea/*", "/lake/*")),
  strangePolicy: withPolicy(pair, "/sea/0.ts", '{"Statement":[]}'),
  forged: cloudFront("/sea/0.ts", { expires: after(now, seconds(60)) }, stranger),
  otherAssetsKey: cloudFront("/lake/0.ts", { expires: after(now, seconds(60)) }),
  unsignedCloudFront: "/sea/0.ts",
} as const;

/** Secrets that must not be in an explanation: the grant, and the parts of signatures. */
export const secretsOf = (target: string) => [...(target.match(/[A-Za-z0-9_~-]{22,}/g) ?? []), grant.slice(0, 60)];

export interface Circumstances {
  readonly now: UnixSeconds;
  readonly address: string | undefined;
  readonly renewal: "redirect" | "off";
}

export function explainContext({ now, address, renewal }: Circumstances): ExplainContext {
  return {
    now,
    address,
    renewal,
    catalog,
    client: "anybody",
    grantIssuer: "stagedoor",
    keys: sessions,
    mediaUrl: "https://media.example",
    publicKeys,
  };
}

/** What the real edge does with a target, with a manifest worker and an origin that has every file. */
export async function edgeVerdict(target: string, { now, address, renewal }: Circumstances) {
  const raw = new Request("https://media.example/", {
    headers: address === undefined ? {} : { "CF-Connecting-IP": address },
  });
  const common = {
    keys: sessions,
    open: openGrant,
    grantIssuer: "stagedoor",
    catalog: async () => ok(catalog),
    clock: () => now,
    timer: systemTimer,
    pauseAllowance: seconds(300),
    expiryStep: seconds(30),
    sha256: nodeSha256,
    development: false,
    edgeSecrets: [],
    enforcement: undefined,
  };
  const manifest: ManifestParts = {
    ...common,
    mediaHost: "media.example",
    mediaUrl: "https://media.example",
    ready: async () => [],
    waitUntil: () => undefined,
    sessionTtl: seconds(21_600),
    milliseconds: systemMillisecondClock,
    source: directPlaylists({
      origin: async () => ok(new Response("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n0.ts\n#EXT-X-ENDLIST\n")),
      timer: systemTimer,
      clock: systemMillisecondClock,
    }),
    shelf: new PlaylistShelf(100_000),
    cloudFront: () => refusal("configuration_invalid", "these tests load no CloudFront playlist"),
  };
  const request = { method: "GET", target, raw } as const;
  const edge: EdgeParts = {
    ...common,
    publicKeys,
    renewal,
    mediaUrl: "https://media.example",
    deliver: async () => ok(new Response("a segment")),
    files: { serve: async () => ok(new Response("a file")), judge: async () => ok(undefined) },
    waitUntil: () => undefined,
    admit: () => undefined,
    revocations: nothingRevoked,
    observed: () => undefined,
    milliseconds: systemMillisecondClock,
    telemetry: noTelemetry,
    ready: async () => [],
    manifest: {
      fetch: async () => {
        const result = await answerManifest(request, manifest);
        return result.ok ? result.value : problemResponse(result.refusal);
      },
    },
  };
  const result = await serveRequest(request, edge);
  const response = result.ok ? result.value : problemResponse(result.refusal);
  if (response.status === 200) return { verdict: "served", code: undefined };
  if (response.status === 307) return { verdict: "renewed", code: undefined };
  const { code } = Object(await response.json());
  return { verdict: "refused", code };
}

function publicKeys(id: string) {
  return id === keyPairId ? pair.publicKey : undefined;
}
