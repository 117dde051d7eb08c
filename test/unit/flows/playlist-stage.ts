import { cloudFrontSign } from "../../../src/adapters/aws/cloudfront-key.ts";
import { type MemoryFile, memoryOrigin } from "../../../src/adapters/memory/memory-origin.ts";
import { nodeHmac } from "../../../src/adapters/node/hmac.ts";
import { ok } from "../../../src/base/result.ts";
import { seconds, type UnixSeconds } from "../../../src/base/seconds.ts";
import { utf8 } from "../../../src/base/utf8.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import type { OriginRequest } from "../../../src/catalog/origin.ts";
import { playlistShelf } from "../../../src/flows/playlist-shelf.ts";
import { renderings } from "../../../src/flows/renderings.ts";
import { answerManifest } from "../../../src/http/manifest.ts";
import { newCloudFrontKey } from "../../../src/keys/generate.ts";
import { cloudFrontSigners } from "../../../src/signing/cloudfront/signers.ts";
import { mintGrant } from "../../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { claimsOf, grantIssuer, in6Hours, keyOf, sessionKey, signedTarget, now as start } from "../signing/session.ts";

const mediaUrl = "https://media.example";

export interface Viewer {
  /** Ten characters that tell his session id from another's. */
  readonly name: string;
  readonly asset?: string;
  readonly sessionEnds?: UnixSeconds;
}

/** A manifest worker in memory: its clock and its origin's files are the test's to change. */
export async function playlistStage(files: Readonly<Record<string, string>>) {
  const stored = new Map<string, MemoryFile>();
  const asked: OriginRequest[] = [];
  const state = { now: start, down: false };
  const put = (name: string, text: string) =>
    stored.set(name, { body: utf8(text), etag: `"${name}${text.length}${text.slice(-40).replaceAll(/\W/g, "")}"` });
  for (const [name, text] of Object.entries(files)) put(name, text);
  const pair = await newCloudFrontKey("K2", "ec");
  const ring = { keys: [sessionKey("2026-a", 1), pair] };
  const keys = await prepareSessionKeys(ring, nodeHmac);
  const asset = (id: string, fields = {}) => ({
    id,
    origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` },
    entry: "index.m3u8",
    ...fields,
  });
  const catalog = parseCatalog({
    version: 1,
    assets: [
      asset("film"),
      asset("premiere", { segmentSignature: "session" }),
      asset("cloud", { cdn: "cloudfront", cloudfront: { keyPairId: "K2", url: "https://d1.cloudfront.net" } }),
      asset("keyless", { cdn: "cloudfront", cloudfront: { keyPairId: "K9" } }),
    ],
  });
  if (!catalog.ok) throw new Error("the catalog of these tests is faulty");
  const inMemory = memoryOrigin(stored);
  const parts = {
    clock: () => state.now,
    grantIssuer,
    catalog: async () => ok(catalog.value),
    keys,
    origin: (request: OriginRequest) => {
      asked.push(request);
      return inMemory(request);
    },
    shelf: playlistShelf(1_000_000),
    renderings: renderings(),
    mediaHost: "media.example",
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

  /** The target of a playlist's URL as this viewer holds it. */
  const target = ({ name, asset: id = "film", sessionEnds = in6Hours }: Viewer, rest: string, expiry = sessionEnds) => {
    const key = keyOf(keys, "2026-a");
    const sessionId = name.padEnd(22, "A");
    const grant = mintGrant(claimsOf({ prefix: `/${id}/`, sessionId, expiresAt: sessionEnds }), key);
    return signedTarget(key, { purpose: "playlist", grant, path: `/${id}/${rest}`, expiry });
  };

  const load = async (
    viewer: Viewer,
    rest: string,
    options: { readonly expiry?: UnixSeconds; readonly appended?: string; readonly method?: "GET" | "HEAD" } = {},
  ) => {
    const { appended = "", method = "GET" } = options;
    const asked = target(viewer, rest, options.expiry) + appended;
    return answerManifest({ method, target: asked, raw: new Request(`${mediaUrl}/`) }, parts);
  };

  const text = async (...request: Parameters<typeof load>) => {
    const answered = await load(...request);
    if (!answered.ok) throw new Error(`refused: ${answered.refusal.code}: ${answered.refusal.reason}`);
    return answered.value.text();
  };

  return { state, put, asked, load, text };
}
