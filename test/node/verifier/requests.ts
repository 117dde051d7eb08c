import { createHash } from "node:crypto";
import { encode, Tagged } from "cborg";
import fc from "fast-check";
import { canonicalQuery } from "../../../src/base/canonical-path.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { mediaPurposes } from "../../../src/base/media-purpose.ts";
import { type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { envelopeBytes, macBytes } from "../../../src/signing/cose-mac0.ts";
import { downloadQuery } from "../../../src/signing/download-name.ts";
import { type GrantClaims, writeClaims } from "../../../src/signing/grant.ts";
import files from "../../golden/files-v1.json";
import v1 from "../../golden/v1.json";
import { aliasOf, foreignPayloads, oddAliases } from "../../unit/base/odd-aliases.ts";
import { oddPaths, plainPaths } from "../../unit/base/odd-paths.ts";
import { contractUrls } from "../../unit/signing/contract.ts";
import { escapes } from "../../unit/signing/escapes.ts";
import { isAlwaysBound, mediaSample, schemes } from "../../unit/signing/media-samples.ts";
import {
  claimsOf,
  grantOf,
  in5Minutes,
  in6Hours,
  keyOf,
  now,
  preparedKeys,
  signedTarget,
} from "../../unit/signing/session.ts";
import type { Case } from "./worlds.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
export const client = { address: "192.0.2.7", userAgent: "Player/1.0" };

/** Each purpose once, shared and bound. */
const contractSchemes = schemes.filter(({ purpose, binding }) =>
  binding === "shared" ? purpose === "segment" || purpose === "file" : purpose === "playlist" || purpose === "key",
);

/** Every URL that the signing contract judges, in turns before and after its expiry. */
export const contractCases: readonly Case[] = contractSchemes.flatMap((scheme) =>
  contractUrls(mediaSample(scheme, keys)).flatMap((target, at) => [
    { target, client, now: at % 2 === 0 ? now : in5Minutes },
    ...(at === 0 ? [{ target, client, now: in5Minutes }] : []),
  ]),
);

/** The golden URLs of version 1: one client that their bound grants accept, and one that they do not. */
export const goldenCases: readonly Case[] = [...v1.mediaUrls, ...files.urls].flatMap(({ target, expiry }) =>
  [client, { address: "203.0.113.9", userAgent: "Golden/1.0" }, { address: "192.0.2.1", userAgent: "" }].flatMap(
    (who) => [expiry - 1, expiry, in6Hours].map((time) => ({ target, client: who, now: time })),
  ),
);

/** Signed and unsigned URLs with paths that servers may read differently, and with every odd alias. */
export const escapeCases: readonly Case[] = [
  ...escapes.flatMap((path) => [
    sign({ path }),
    sign({ path: "/film/A/0.ts" }).replace("/film/A/0.ts", path),
    sign({ purpose: "playlist", path }),
  ]),
  ...[...plainPaths, ...oddPaths.flatMap(([, ...paths]) => paths)].flatMap((path) => [
    sign({ path: `/film${path}` }),
    sign({ path: `/film/a${path}`, query: "v=1" }),
    path,
    `/${grantOf(key)}${path}`,
  ]),
  ...oddAliases.map(([, { path, query }]) => sign({ path: `/film/${path}`, query: canonicalQuery(query) })),
  ...[...foreignPayloads, "a;v=1/0.ts?t=a:b", "a b.ts", "é.ts", "x//y", "a?b=%2F..%2F", "a;b?x=%2e%2e/", "~/a"].map(
    (payload) => sign({ path: `/film/${aliasOf(payload).path}` }),
  ),
].flatMap((target) => [now, in5Minutes].map((time) => ({ target, client, now: time })));

export function sign(parts: { purpose?: "playlist" | "segment"; path: string; query?: string }): string {
  return signedTarget(key, { purpose: "segment", grant: grantOf(key), ...parts });
}

const text = fc.oneof(
  { arbitrary: fc.string({ maxLength: 12 }), weight: 2 },
  fc
    .array(
      fc.constantFrom(
        ..."/ // . .. ; : % %2E %2e %25 %2F %00 %C0%AE %E9 ~/ a b.ts .m3u8 ? & = + ~ * ' \\ [".split(" "),
      ),
      {
        maxLength: 8,
      },
    )
    .map((parts) => parts.join("")),
);

const usualAliases = ["a;v=1/0.ts", "a;v=1//0.ts?t=a:b/~", "x//50%25.m3u8?a=*", "b%2Fc.TS;p=1", "~/a", "d;/e?"].flatMap(
  (payload) => [".ts", ".TS", ".m3u8", ""].map((extension) => `/film/${aliasOf(payload, extension).path}`),
);

/** `usual` most of the time, so that a request seldom has more than two faults. */
function mostly<Value>(usual: fc.Arbitrary<Value>, odd: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof({ arbitrary: usual, weight: 15 }, { arbitrary: odd, weight: 1 });
}

const id16 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => encodeBase64url(bytes));
const seldom = <Value>(value: fc.Arbitrary<Value>) => fc.oneof({ arbitrary: fc.constant(undefined), weight: 5 }, value);

const path = fc.oneof(
  { arbitrary: fc.constantFrom("/film/A/0.ts", "/premiere/1.m4s", "/film/poster.jpg", "/film-2/a"), weight: 12 },
  { arbitrary: fc.constantFrom(...usualAliases), weight: 5 },
  { arbitrary: text.map((rest) => `/film/${rest}`), weight: 2 },
  { arbitrary: text.map((payload) => `/film/${aliasOf(payload).path}`), weight: 2 },
  fc.constantFrom("/film", "/film/", "/", "/gone/0.ts", "/constructor/0.ts", "/__proto__/0.ts"),
);

const query = fc.oneof(
  { arbitrary: fc.constant(""), weight: 8 },
  { arbitrary: text.map((raw) => canonicalQuery(raw)), weight: 3 },
  fc.constantFrom("v=2", downloadQuery("Der Film – 4K.mp4"), "download=%E9", "download=a&b", "download="),
  text,
);

const usualAddresses = ["192.0.2.7", "192.0.2.200", "2001:db8:7::1", "::ffff:192.0.2.7", "2001:DB8:7::C"];
const oddAddresses = [
  ...[
    "",
    "192.0.2.07",
    "192.0.2.7 ",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.2.7",
    "1e1.0.2.7",
    "0x1.0.2.7",
    "-1.0.2.7",
    ".0.2.7",
  ],
  ...[
    "::ffff:C000:0207",
    "::ffff:192.0.2",
    "::fffe:192.0.2.7",
    "0:0:0:0:0:ffff:192.0.2.7",
    "1.2.3.4::",
    "1::2:3.4.5.6",
  ],
  ...[
    "::",
    ":",
    ":::",
    "::1::",
    "2001:db8:7:4:5:6:7::",
    "2001:db8:7:4:5:6:7:8",
    "2001:db8:7:4:5:6:7:8:9",
    "2001:DB8:7:0::",
  ],
  ...["2001:db8:7:4:5:6:7:8::", "2001:db8:7:4:5:6:7:8::1::2", "::2001:db8:7:4:5:6:7:8", "2001:db8:7:4:5:6:1.2.3.4"],
  ...["12345::", "2001:db8:7::g", "2001:db8:7::1%eth0", "2001:0db8:0007::", "[2001:db8:7::1]"],
];
const address = fc.oneof(
  { arbitrary: fc.constantFrom(...usualAddresses), weight: 12 },
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(...oddAddresses),
  fc.array(fc.constantFrom(":", "::", "0", "ffff", "1.2.3.4", "g"), { maxLength: 10 }).map((parts) => parts.join("")),
);

const networks = ([4, 6] as const).flatMap((family) =>
  [0, 1, 7, 23, 24, 25, 31, 32, 47, 48, 127, 128].map((most) => {
    const bytes = new Uint8Array(family === 4 ? 4 : 16);
    const bits = Math.min(most, bytes.length * 8);
    const whole = family === 4 ? [192, 0, 2, 7] : [0x20, 1, 0x0d, 0xb8, 0, 7];
    bytes.set(whole.slice(0, Math.ceil(bits / 8)));
    return { family, bits, bytes };
  }),
);

/** Every kind of bound network, requested from usual and odd addresses. */
export const bindingCases: readonly Case[] = networks.flatMap((network) =>
  [...usualAddresses, ...oddAddresses].map((from) => ({
    target: signedTarget(key, { purpose: "segment", grant: grantOf(key, { network }), path: "/film/A/0.ts" }),
    client: { address: from, userAgent: "" },
    now,
  })),
);

const userAgents = ["Player/1.0", "", "Ünïcode/1"];
const userAgentHash = fc
  .constantFrom(...userAgents)
  .map((userAgent) => createHash("sha256").update(userAgent).digest("base64url"));

const claims: fc.Arbitrary<Partial<GrantClaims>> = fc.record({
  issuer: mostly(fc.constant("stagedoor"), fc.constantFrom("other", "", "日本")),
  subject: fc.oneof(id16, fc.string({ unit: "grapheme", maxLength: 40 })),
  sessionId: id16,
  prefix: mostly(
    fc.constantFrom("/film/", "/"),
    fc.constantFrom("/premiere/", "/film-2/", "/gone/", "/film/A/", "/constructor/", "/__proto__/"),
  ),
  otherPrefixes: seldom(
    fc.array(fc.constantFrom("/film/", "/premiere/", "/a.b/", "/$&(1)*+?|[x]{2}^\\/", "/\\|/"), { maxLength: 7 }),
  ),
  issuedAt: fc.constantFrom(now, unixSeconds(0)),
  expiresAt: mostly(fc.constantFrom(in6Hours, unixSeconds(253_402_300_799)), fc.constantFrom(in5Minutes, now)),
  token: seldom(id16),
  login: seldom(id16),
  signer: seldom(fc.string({ maxLength: 64 })),
  network: seldom(fc.constantFrom(...networks)),
  userAgent: seldom(userAgentHash),
});

/** A change to a signed target, as a player, a proxy or an attacker makes it. */
const change = fc.oneof(
  { arbitrary: fc.constant((target: string) => target), weight: 20 },
  { arbitrary: text.map((more) => (target: string) => `${target}&${more}`), weight: 5 },
  fc
    .constantFrom("CMCD=br%3D1", "_HLS_msn=1", "seg=1", "tpl=7", "tpl=1.c2lnbmF0dXJlc2lnbmF0dQ", "é", "a\n", "'()!*")
    .map((more) => (target: string) => `${target}&${more}`),
  text.map((more) => (target: string) => target.replace("?", `?${more}&`)),
  fc.tuple(fc.nat(400), text).map(
    ([at, more]) =>
      (target: string) =>
        target.slice(0, at) + more + target.slice(at + 1),
  ),
  fc.constant((target: string) => target.replace(/[^?]*$/, "")),
  fc.constant((target: string) => target.replace(/\?.*/, "")),
  fc.constant((target: string) => target.replace(/.(?=[^.]*$)/, "")),
  fc.constant((target: string) => `${target.slice(0, -22)}${"A".repeat(22)}`),
  fc
    .constantFrom("0", "01", "253402300799", "253402300800", "999999999999999", "9999999999999999", "1e9")
    .map((expiry) => (target: string) => target.replace(/=\d+\.(?=[^=]*$)/, `=${expiry}.`)),
);

const time: fc.Arbitrary<UnixSeconds> = mostly(
  fc.constantFrom(now, in5Minutes),
  fc.constantFrom(unixSeconds(now + 299), unixSeconds(now - 1), unixSeconds(in6Hours - 1), in6Hours),
);
const who = fc.record({ address, userAgent: mostly(fc.constant("Player/1.0"), fc.constantFrom(...userAgents)) });

/** Requests of every degree of authenticity: most have no fault or one, the others any combination. */
export const requests: fc.Arbitrary<Case> = fc
  .record({
    kid: mostly(fc.constant("2026-a"), fc.constantFrom("2026-b", "2025-z", "2027-a", "2026-x", "constructor", "日")),
    otherSigner: mostly(fc.constant(undefined), fc.constant("2026-b")),
    claims,
    purpose: fc.constantFrom(...mediaPurposes, "segment" as const, "segment" as const),
    oddUse: mostly(fc.constant(false), fc.constant(true)),
    oddBinding: mostly(fc.constant(false), fc.constant(true)),
    path,
    query,
    expiry: mostly(fc.constant(in5Minutes), fc.constantFrom(now, in6Hours)),
    change,
    client: who,
    now: time,
  })
  .map(
    ({ kid, otherSigner, claims: changes, oddUse, oddBinding, change: changed, client: sender, now: at, ...parts }) => {
      const signer = keys.get(otherSigner ?? kid) ?? key;
      const isFile = parts.purpose === "file";
      const grant = grantOf({ ...signer, kid }, isFile !== oddUse ? { ...changes, use: "files" } : changes);
      const isBound = isAlwaysBound(parts.purpose) || parts.path.startsWith("/premiere/");
      const target = signedTarget(signer, { grant, signedGrant: isBound !== oddBinding ? grant : "", ...parts });
      return { target: changed(target), client: sender, now: at };
    },
  );

/** Targets of pieces, with and without a valid grant. */
export const unsignedRequests: fc.Arbitrary<Case> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        grantOf(key),
        "/",
        "film",
        "..",
        "?",
        "&",
        "seg=",
        "list=",
        "1795000300.",
        "A".repeat(22),
        "\\",
        "é",
      ),
      fc.string({ unit: "binary" }),
      text,
    ),
  )
  .chain((pieces) => fc.constantFrom(pieces.join(""), `/${grantOf(key)}/film/${pieces.join("")}`))
  .map((target) => ({ target, client, now }));

const cbor: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.integer({ min: -70_000, max: 5_000_000_000 }),
    fc.uint8Array({ maxLength: 34 }),
    fc.constantFrom(
      new Uint8Array(16),
      new Uint8Array(32),
      new Uint8Array(4),
      "/film/",
      "files",
      "user-agent",
      "GET",
      "HEAD",
    ),
    fc.constantFrom("^(?:/film/|/b/)", "^(?:/film/)", "^(?:/film/|/a.b/)", "^(?:/film/|/b)", "^(?:/film/|/b/)$", ""),
    fc.string({ maxLength: 10 }),
    fc.boolean(),
    fc.constant(1.5),
    fc.array(tie("value"), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.constantFrom<unknown>(0, 1, 3, 4, -1, "user-agent"), tie("value")), { maxLength: 2 })
      .map((pairs) => new Map(pairs)),
    fc.tuple(fc.constantFrom(52, 54, 53), tie("value")).map(([tag, value]) => new Tagged(tag, value)),
  ),
})).value;

/** Authentic grants with claims that no version writes. */
export const claimRequests: fc.Arbitrary<Case> = fc
  .array(
    fc.tuple(
      fc.constantFrom(1, 2, 4, 6, 7, 310, 311, 312, 313, 315, -65_537, -65_538, -65_539, -65_540, 5, 309, -1),
      fc.option(cbor, { nil: undefined, freq: 20 }),
    ),
    { maxLength: 2 },
  )
  .map((changes) => authenticCase(payloadWith(changes)));

/** The usual claims with some of them replaced, or left out. */
function payloadWith(changes: readonly (readonly [number, unknown])[]): Uint8Array {
  const { issuer, subject, expiresAt, issuedAt } = claimsOf();
  const whole = new Map<number, unknown>([
    [1, issuer],
    [2, subject],
    [4, expiresAt],
    [6, issuedAt],
    [7, new Uint8Array(16)],
    [310, 1],
    [312, new Map([[3, new Map([[1, "/film/"]])]])],
    [313, ["GET", "HEAD"]],
    ...changes,
  ]);
  for (const [label, value] of whole) if (value === undefined) whole.delete(label);
  return encode(whole);
}

const patternOf = (...prefixes: readonly string[]) => new Map([[3, new Map([[4, [`^(?:${prefixes.join("|")})`]]])]]);
const prefixOf = (tag: number, bits: number, length: number) => [new Tagged(tag, [bits, new Uint8Array(length)])];

/** Authentic grants with claims at the limits of what is written. */
export const limitCases: readonly Case[] = [
  ...[2, 8, 9].map((count) => [312, patternOf(...Array.from({ length: count }, () => "/film/"))] as const),
  ...[patternOf("/film/", "/b"), patternOf("/film/", "/a.b/"), patternOf("/film/", "/.*/"), patternOf("/film/")].map(
    (pattern) => [312, pattern] as const,
  ),
  ...[0, 1, 8, 31, 32, 33].flatMap((bits) =>
    [0, 1, 2, 4, 5].map((length) => [311, prefixOf(52, bits, length)] as const),
  ),
  ...[0, 127, 128].flatMap((bits) => [0, 1, 16, 17].map((length) => [311, prefixOf(54, bits, length)] as const)),
  ...[253_402_300_799, 253_402_300_800, 2 ** 53 - 1].flatMap((time) => [[4, time] as const, [6, time] as const]),
].map((change) => ({ ...authenticCase(payloadWith([change])), client: { address: "0.0.0.0", userAgent: "" } }));

/** Bytes with any one of them changed, left out, doubled or preceded by another. */
function changedBytes(bytes: Uint8Array): readonly Uint8Array[] {
  return [...bytes].flatMap((byte, at) => {
    const [before, after] = [[...bytes.subarray(0, at)], [...bytes.subarray(at + 1)]];
    const others = [byte ^ 1, byte ^ 0x20, (byte + 1) & 255, 0, 0x1c, 0x58, 0x5f, 0xff];
    const replaced = [
      ...others.map((other) => [other]),
      [],
      [byte, byte],
      [0x18, byte],
      [0x38, byte],
      [0x58, byte],
      [0x78, byte],
    ];
    return replaced.map((middle) => Uint8Array.from([...before, ...middle, ...after]));
  });
}

/** Changed envelopes of a known and an unknown kid, and authentic grants over changed claims. */
export const byteCases: readonly Case[] = [
  ...["2026-a", "2026-x"].flatMap((kid) =>
    changedBytes(Buffer.from(grantOf({ ...key, kid }), "base64url")).map((bytes) => ({
      target: signedTarget(key, { purpose: "segment", grant: encodeBase64url(bytes), path: "/film/A/0.ts" }),
      client,
      now,
    })),
  ),
  ...[{}, { token: encodeBase64url(new Uint8Array(16)), signer: "k", otherPrefixes: ["/b/"] }].flatMap((changes) =>
    changedBytes(writeClaims(claimsOf(changes))).map(authenticCase),
  ),
];

/** A request with an authentic grant over any payload. */
export function authenticCase(payload: Uint8Array): Case {
  const grant = encodeBase64url(envelopeBytes(key.kid, payload, key.grant(macBytes(key.kid, payload))));
  return { target: signedTarget(key, { purpose: "segment", grant, path: "/film/A/0.ts" }), client, now };
}
