import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse, strays } from "./language.ts";
import { artefact } from "./worlds.ts";

const folder = new URL("../../../src/verifier/", import.meta.url);
/** `verifier-keys.ts` runs where keys are derived, not on an edge. */
const sources = readdirSync(folder).filter((name) => name !== "verifier-keys.ts");

describe("the language of the portable verifier", () => {
  it.each(sources)("is the subset that every edge understands: %s", (name) => {
    expect(strays(parse(readFileSync(new URL(name, folder), "utf8"), "ts"))).toEqual([]);
  });

  it("is the same after it was compiled", () => {
    expect(strays(parse(artefact, "js"))).toEqual([]);
  });

  it("has at most 7,168 bytes, minified", () => {
    expect(Buffer.byteLength(artefact)).toBeLessThanOrEqual(7168);
  });

  it.each([
    "for (const a of []);",
    "class A {}",
    "const { a } = { a: 1 };",
    "const [a] = [1];",
    "const a = [...[1]];",
    "const a = { ...{} };",
    "const f = (...a) => a;",
    "const f = (a = 1) => a;",
    "new Map();",
    "let a = null ?? 1;",
    "let a = 1; a ??= 2;",
    "let a; a?.b;",
    "const f = async () => 1;",
    "function* f() {}",
    "2 ** 3;",
    "const o = { f() {} };",
    'const o = { ["a"]: 1 };',
    "try {} catch {}",
    "/(?<!a)b/;",
    "/a/u;",
    "String.raw`a`;",
    "1n;",
  ])("does not include %s", (code) => {
    expect(strays(parse(code, "js"))).not.toEqual([]);
  });
});
