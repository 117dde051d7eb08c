import { describe, expect, it } from "vitest";
import { bearer, protectMedia } from "../../../src/package/hono.ts";
import { compilePlaylist, renderPlaylist, rewritePlaylist } from "../../../src/package/playlist.ts";
import {
  cloudFront,
  mediaSigner,
  mintGrant,
  newSessionKey,
  sessionKeys,
  signMediaUrl,
  verifyGrant,
  verifyMediaUrl,
} from "../../../src/package/signing.ts";

const now = 1_795_000_000;
const film = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n0.ts\n#EXT-X-ENDLIST\n";
const keys = await sessionKeys({ keys: [newSessionKey("k1")] });
const viewer = { issuer: "films", subject: "viewer-42", prefixes: ["/film/"], issuedAt: now, expiresAt: now + 3600 };
const place = { path: "/film/index.m3u8", prefix: "/film/" };
const sign = () => ({ query: "s" });

/** As a JavaScript program calls it: without the types. */
function untyped(call: (...args: never[]) => unknown, ...args: readonly unknown[]): unknown {
  return Reflect.apply(call, undefined, args);
}

async function thrownBy(call: () => unknown): Promise<string> {
  try {
    await call();
    return "nothing";
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : "no error";
  }
}

const grant = untyped(mintGrant, keys, viewer);
const url = { grant, path: "/film/0.ts", purpose: "segment", expiry: now + 60 };
const compiled = compilePlaylist(film, place);
if (!compiled.ok) throw new Error(compiled.refusal.reason);

type Options = Readonly<Record<string, unknown>>;
const calls: Readonly<Record<string, (options: Options) => unknown>> = {
  rewritePlaylist: (options) => untyped(rewritePlaylist, film, { ...place, sign, now, ...options }),
  compilePlaylist: (options) => untyped(compilePlaylist, film, { ...place, ...options }),
  renderPlaylist: (options) => untyped(renderPlaylist, compiled.value, { sign, now, ...options }),
  mintGrant: (options) => untyped(mintGrant, keys, { ...viewer, ...options }),
  verifyGrant: (options) => untyped(verifyGrant, keys, grant, { issuer: "films", path: "/film/", now, ...options }),
  signMediaUrl: (options) => untyped(signMediaUrl, keys, { ...url, ...options }),
  mediaSigner: (options) => untyped(mediaSigner, keys, { grant, ...options }),
  verifyMediaUrl: (options) => untyped(verifyMediaUrl, keys, "/", { issuer: "films", now, ...options }),
  cloudFront: (options) => untyped(cloudFront, options),
  bearer: (options) => untyped(bearer, { issuers: [], ...options }),
  protectMedia: (options) => untyped(protectMedia, { keys, issuer: "films", ...options }),
};

describe("an option that is not allowed throws a TypeError with the function, the member and what is allowed", () => {
  it.each([
    ["rewritePlaylist", { pauseAllowance: 300_000 }, "pauseAllowance must be seconds from 0 to 86400, not 300000"],
    ["rewritePlaylist", { pauseAllowance: -1 }, "pauseAllowance must be seconds from 0 to 86400, not -1"],
    ["rewritePlaylist", { pauseAllowance: "300" }, "pauseAllowance must be seconds from 0 to 86400, not this string"],
    ["rewritePlaylist", { fileLifetime: 0 }, "fileLifetime must be seconds from 1 to 604800, not 0"],
    ["rewritePlaylist", { step: 30_000_000 }, "step must be whole seconds from 1 to 3600, not 30000000"],
    ["rewritePlaylist", { step: 0 }, "step must be whole seconds from 1 to 3600, not 0"],
    ["rewritePlaylist", { step: Number.NaN }, "step must be whole seconds from 1 to 3600, not NaN"],
    ["rewritePlaylist", { mediaHost: "https://media.example.com" }, "mediaHost must be a host without a scheme"],
    ["rewritePlaylist", { originHost: "" }, "originHost must be a host without a scheme"],
    ["rewritePlaylist", { mediaHost: "m.example", allowedHosts: "evil.example" }, "allowedHosts must be an array"],
    ["rewritePlaylist", { mediaHost: "m.example", allowedHosts: ["https://a.example"] }, "allowedHosts must be"],
    ["rewritePlaylist", { mediaHost: "m.example", allowedHosts: ["Ads.example"] }, "allowedHosts must be"],
    ["rewritePlaylist", { allowedSchemes: ["https"] }, "allowedSchemes must be an array of schemes"],
    ["rewritePlaylist", { variables: { a: "b" } }, "variables must be a Map of texts, not this object"],
    ["rewritePlaylist", { variables: new Map([["a", 1]]) }, "variables must be a Map of texts"],
    ["rewritePlaylist", { pauseAllowence: 3 }, "no such option: pauseAllowence. Use path, prefix, "],
    ["rewritePlaylist", { sign: undefined }, "sign must be a function, and is missing"],
    ["rewritePlaylist", { path: undefined }, "path must be a path that begins with a slash, and is missing"],
    ["rewritePlaylist", { onLeftOut: "log" }, "onLeftOut must be a function, not this string"],
    ["compilePlaylist", { prefixes: ["/film/"] }, "no such option: prefixes"],
    ["renderPlaylist", { previous: {} }, "previous must be a Map of times"],
    ["renderPlaylist", { step: 0.5 }, "step must be whole seconds"],
    ["mintGrant", { subject: undefined }, "subject must be text that is not empty, and is missing"],
    ["mintGrant", { issuer: undefined }, "issuer must be text that is not empty, and is missing"],
    ["mintGrant", { prefixes: ["film"] }, "prefixes must be an array of 1 to 8 paths that begin and end with a slash"],
    ["mintGrant", { prefixes: "/film/" }, "prefixes must be an array of 1 to 8 paths"],
    ["mintGrant", { prefixes: [] }, "prefixes must be an array of 1 to 8 paths"],
    ["mintGrant", { use: "file" }, 'use must be "files" or left out, not this string'],
    ["mintGrant", { sessionId: "" }, "sessionId must be 22 characters"],
    ["mintGrant", { expires: now }, "no such option: expires"],
    ["verifyGrant", { issuer: "" }, "issuer must be text that is not empty, not this string"],
    ["signMediaUrl", { purpose: "seg" }, 'purpose must be one of "playlist", "segment", "key", "file"'],
    ["signMediaUrl", { session: "yes" }, "session must be true or false, not this string"],
    ["mediaSigner", { bound: true }, "no such option: bound. Use grant, session"],
    ["verifyMediaUrl", { adress: "192.0.2.1" }, "no such option: adress"],
    ["cloudFront", { keyPairID: "K" }, "no such option: keyPairID"],
    ["cloudFront", { baseUrl: "https://d1.cloudfront.net" }, "keyPairId must be text"],
    ["bearer", { issuers: "https://login.example.com" }, "issuers must be an array of issuers, not this string"],
    ["bearer", { scopes: ["a"] }, "no such option: scopes"],
    ["protectMedia", { keys: undefined }, "keys must be the result of sessionKeys, and is missing"],
    ["protectMedia", { cors: "*" }, "cors must be true or false"],
  ])("%s(%o)", async (name, options, message) => {
    expect(await thrownBy(() => calls[name]?.(options))).toContain(`TypeError: ${name}: ${message}`);
  });

  it.each([
    ["rewritePlaylist", { now: now * 1000 }, "now"],
    ["mintGrant", { expiresAt: now * 1000 }, "expiresAt"],
    ["signMediaUrl", { expiry: now + 0.5 }, "expiry"],
    ["verifyMediaUrl", { now: -1 }, "now"],
  ])("or a RangeError for a point in time: %s(%o)", async (name, options, member) => {
    expect(await thrownBy(() => calls[name]?.(options))).toContain(
      `RangeError: ${name}: ${member} must be whole seconds since 1970, not milliseconds, not `,
    );
  });

  it("and quotes no text of the caller's, which could be a secret", async () => {
    for (const options of [{ s3cret: 1 }, { "s3cret/": 1 }, { mediaHost: "https://s3cret" }, { sign: "s3cret" }]) {
      const message = await thrownBy(() => calls.rewritePlaylist?.(options));
      expect(message.replace("option: s3cret.", "")).toMatch(/^TypeError(?!.*s3cret)/);
    }
  });
});

it("an option without a value is the same as one that is left out", async () => {
  const some = { query: undefined, mediaHost: undefined, step: undefined, onLeftOut: undefined, previous: undefined };
  expect(await thrownBy(() => calls.rewritePlaylist?.(some))).toBe("nothing");
});

it("one object may hold the options of compilePlaylist and renderPlaylist", async () => {
  const both = { ...place, sign, now, step: 30 };
  for (const name of ["compilePlaylist", "renderPlaylist"])
    expect(await thrownBy(() => calls[name]?.(both))).toBe("nothing");
});
