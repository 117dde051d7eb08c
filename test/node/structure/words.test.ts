import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** Retired words and the better wording. A pattern is listed only if it has no false alarms. */
const retired: readonly (readonly [pattern: RegExp, better: string])[] = [
  [/\b(?:he|him|his|himself|He|His)\b/, "they, them, their"],
  [/\bmend(?:s|ed|ing)?\b/i, "fix"],
  [/\banew\b/i, "again"],
  [/\bbut for\b/i, "except"],
  [/\bnobody (?:\w+ )?but\b/i, "only"],
  [/\b(?:given|gives?|giving|gave) out\b/i, "issue"],
  [/\bwho(?:ever|mever|m)\b/i, "name the person or thing: the caller, the viewer"],
  [/\bunder way\b/i, "in progress"],
  [/\bgone by\b/i, "used"],
  [/\bmanyeth\b/i, "sequence number"],
  [/\bstands?\b(?! for\b|-)/i, "is; is written; stalls"],
  [/\bdoors?\b/i, "route guard"],
  [/\bfaces?\b|\bfaceOf\b/i, "problem, problemFor"],
  [/\blearnt\b/i, "observed; observations"],
  [/\bhasty\b/i, "throttled"],
  [/\bbrak(?:es?|ed|ing)\b/i, "throttle"],
  [/\bheirs?\b/i, "successor"],
  [/\bglances?\b/i, "pollInterval"],
  [/\bpatience\b/i, "timeout"],
  [/\bLease(?:Desk|Book)\b/, "LeaseRouter, LeaseStore"],
  [/\b(?:sentOn|stillTaken|throughDoor)\b/, "forwardedUntil, isAccepted, requireSignIn"],
  [/\bnot taken\b/i, "not accepted"],
  [/\bdo(?:es)? not hold\b/i, "is invalid; does not apply"],
  [/\bis told of\b|\bwhat is served\b|\bwho asks\b/i, "the caller, the response"],
  [/\bWho (?:has|starts|wants|uses|takes|needs)\b/, "a noun as the subject"],
  [/\breckon(?:s|ed|ing)?\b/i, "compute"],
  [/\bby turns\b/i, "alternately"],
  [/\bamiss\b/i, "wrong"],
];

const root = resolve(import.meta.dirname, "../../..");
const folders = [
  "src",
  "cli",
  "workers",
  "packages",
  "proof",
  "demo",
  "examples",
  "bench",
  "docs",
  "fixtures/live",
  "test",
];
const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "fixtures/README.md",
  "wrangler.toml",
];

const files = folders
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(?:tsx?|md|html|toml|svg|yml)$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  )
  .concat(pages)
  .filter((file) => file !== relative(root, import.meta.filename) && !file.startsWith("test/golden/"));

const faultsOf = (file: string) =>
  readFileSync(join(root, file), "utf8")
    .split("\n")
    .flatMap((line, index) =>
      retired.flatMap(([pattern, better]) => {
        const word = pattern.exec(line)?.[0];
        return word === undefined ? [] : [`${file}:${index + 1}: "${word}" → ${better}`];
      }),
    );

describe("the project's files", () => {
  it("contain none of the retired words", () => {
    expect(files.flatMap(faultsOf)).toEqual([]);
  });
});
