import { generateKeyPairSync, verify } from "node:crypto";
import { Parser } from "m3u8-parser";
import { beforeAll, describe, expect, it } from "vitest";
import { addedBytes } from "../../../bench/cloudfront-counts.ts";
import { mediaPlaylist, sessionAsset, sharedAsset } from "../../../bench/manifest.ts";
import { type Playlist, playlistNamed } from "../../../bench/playlists.ts";
import { type Rewriting, rewriting } from "../../../bench/rewriting.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** A playlist as a player reads it, without the signed queries of its URLs. */
function parsed(text: string) {
  const parser = new Parser();
  parser.push(text);
  parser.end();
  const { segments, targetDuration, mediaSequence, playlistType, endList } = parser.manifest;
  return {
    head: { targetDuration, mediaSequence, playlistType, endList },
    segments: segments.map(({ uri, duration, dateTimeString }) => {
      const name = uri.split("?")[0]?.split("/").at(-1);
      return { name, duration, dateTimeString };
    }),
  };
}

function urisOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** Whether CloudFront would accept a canned URL: verifies the signature over the policy of its resource and expiry. */
function isCanned(signed: string): boolean {
  const url = new URL(signed);
  const epoch = Number(url.searchParams.get("Expires"));
  const resource = `${url.origin}${url.pathname}`;
  const policy = { Statement: [{ Resource: resource, Condition: { DateLessThan: { "AWS:EpochTime": epoch } } }] };
  const text = url.searchParams.get("Signature") ?? "";
  const base64 = text.replaceAll("-", "+").replaceAll("_", "=").replaceAll("~", "/");
  return verify("sha1", Buffer.from(JSON.stringify(policy)), publicKey, Buffer.from(base64, "base64"));
}

describe.each<Playlist>(["vod1200", "live6"])("the benchmark's playlist %s", (name) => {
  const text = playlistNamed(name);
  const count = name === "vod1200" ? 1200 : 6;
  let prepared: Rewriting;
  beforeAll(async () => {
    prepared = await rewriting(text, privateKey, oneShotHmac);
  });

  it("has as many segments as its name says", () => {
    expect(parsed(text).segments).toHaveLength(count);
  });

  it.each(["byHand", "copy", "shared", "session"] as const)(
    'is the same for a player after rewriting in the way "%s"',
    async (way) => {
      expect(parsed(await prepared.once(way))).toEqual(parsed(text));
    },
  );

  it("has every segment signed by the hand-written baseline", async () => {
    const uris = urisOf(await prepared.once("byHand"));
    expect(uris.filter(isCanned)).toHaveLength(count);
  });

  it.each([
    ["shared", sharedAsset],
    ["session", sessionAsset],
  ] as const)("has every segment signed by our code: %s", async (way, asset) => {
    const [, grant] = prepared.targetFor(0, { purpose: "playlist", asset, file: mediaPlaylist }).split("/");
    const verdicts = urisOf(await prepared.once(way)).map((uri) => {
      const target = `/${grant}/${asset}/720p/${uri}`;
      return checkMediaRequest(target, prepared.bench.check).verdict;
    });
    expect(verdicts.filter((verdict) => verdict === "passed")).toHaveLength(count);
  });

  it("grows by at most 40 bytes for each segment's signature", async () => {
    for (const way of ["shared", "session"] as const)
      expect(addedBytes(text, await prepared.once(way))).toBeLessThanOrEqual(40);
  });

  it("binds only the segments of the session's asset to the viewer", async () => {
    expect(await prepared.once("shared", 0)).toBe(await prepared.once("shared", 1));
    expect(await prepared.once("session", 0)).not.toBe(await prepared.once("session", 1));
  });
});
