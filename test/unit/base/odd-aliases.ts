import { encodeBase64url, utf8 } from "../../../src/base/encoding.ts";

/** An alias as a signer could write it for any payload. */
export const aliasOf = (payload: string, extension = ".ts") => ({
  path: `~/${encodeBase64url(utf8(payload))}${extension}`,
  query: "",
});

/** Aliases that are not the one of a file that needs one. */
export const oddAliases: readonly (readonly [why: string, place: ReturnType<typeof aliasOf>])[] = [
  ["base64 padding", { path: "~/YTt2PTEvMC50cz90PWE6Yg==.ts", query: "" }],
  ["unused bits that are set", { path: "~/YTt2PTEvMC50cz90PWE6Yh.ts", query: "" }],
  ["no payload", { path: "~/.ts", query: "" }],
  ["no name at all", { path: "~/", query: "" }],
  ["a trailing slash", { path: `${aliasOf("a;b.ts").path}/`, query: "" }],
  ["another extension", aliasOf("a;b.ts", ".mp4")],
  ["an extension in upper case", aliasOf("a;b.ts", ".TS")],
  ["no extension", aliasOf("a;b.ts", "")],
  ["two extensions", aliasOf("a;b.ts", ".ts.ts")],
  ["a query", { ...aliasOf("a;b.ts"), query: "a=b" }],
  ["a file that needs no alias", aliasOf("a.ts")],
  ["an empty query", aliasOf("a;b.ts?")],
  ["a fragment", aliasOf("a;b.ts#t")],
  ["a character that clients escape", aliasOf("a;é.ts")],
  ["a space", aliasOf("a;b .ts")],
  ["a broken escape", aliasOf("a;%.ts")],
  ["bytes that are not UTF-8", { path: `~/${encodeBase64url(Uint8Array.of(0x61, 0x3b, 0xff))}`, query: "" }],
  ["a byte order mark", { path: `~/${encodeBase64url(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0x3b))}`, query: "" }],
  ["more than a URL can hold", aliasOf(`a;${"b".repeat(8192)}`, "")],
];

/** Payloads that servers read differently. */
export const foreignPayloads = [
  "a;b/%2E%2E/c.ts",
  "..%2Fa.ts",
  "..;/a.ts",
  "%252e%252e/a.ts",
  "a%5Cb.ts",
  "a%255cb.ts",
  "a%00.ts",
  "a%2500.ts",
  "a%C0%AE.ts;",
  "a.ts?b=:/../c",
];
