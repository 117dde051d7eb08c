import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { revocationCauses, revocationKinds } from "../../../src/sessions/revocation.ts";
import { readPage, writePage } from "../../../src/sessions/revocation-store.ts";

const time = fc.integer({ min: 0, max: 253_402_300_799 }).map(unixSeconds);
const entry = fc.record({
  kind: fc.constantFrom(...revocationKinds),
  value: fc.string({ minLength: 1, maxLength: 256 }),
  cause: fc.constantFrom(...revocationCauses),
  at: time,
  until: time,
});
const page = fc.record({
  cursor: fc.maxSafeNat(),
  reset: fc.boolean(),
  more: fc.boolean(),
  entries: fc.array(entry, { maxLength: 5 }),
});
const row = ["session", "s", "taken", 1, 2];
const good = { cursor: 7, reset: false, more: false, rows: [row] };

describe("a page of the revocation log", () => {
  it("is read as it was written", () => {
    const isSame = fc.property(page, (written) => {
      expect(readPage(writePage(written))).toEqual(written);
    });
    fc.assert(isSame, { numRuns: 100 });
  });

  it("takes some 70 bytes for a session", () => {
    const [session, until] = ["AQEBAQEBAQEBAQEBAQEBAQ", unixSeconds(1_795_000_150)];
    const ended = { kind: "session", value: session, cause: "revoked", at: unixSeconds(1_795_000_000), until } as const;
    const lengthOf = (count: number) =>
      writePage({ cursor: 7, reset: true, more: false, entries: Array(count).fill(ended) }).length;
    expect(lengthOf(2) - lengthOf(1)).toBeLessThanOrEqual(70);
  });

  it.each<[string, unknown]>([
    ["no object", []],
    ["null", null],
    ["no cursor", { ...good, cursor: undefined }],
    ["a negative cursor", { ...good, cursor: -1 }],
    ["a cursor that is no whole number", { ...good, cursor: 1.5 }],
    ["a reset that is no boolean", { ...good, reset: 0 }],
    ["a more that is no boolean", { ...good, more: "no" }],
    ["rows that are no list", { ...good, rows: { 0: row } }],
    ["a row that is none", { ...good, rows: [row, "session"] }],
    ["another kind", { ...good, rows: [["planet", "s", "taken", 1, 2]] }],
    ["the name of a member of every object as its kind", { ...good, rows: [["constructor", "s", "taken", 1, 2]] }],
    ["another cause", { ...good, rows: [["session", "s", "bored", 1, 2]] }],
    ["an empty name", { ...good, rows: [["session", "", "taken", 1, 2]] }],
    ["a name of 257 characters", { ...good, rows: [["session", "s".repeat(257), "taken", 1, 2]] }],
    ["a name that is no text", { ...good, rows: [["session", 5, "taken", 1, 2]] }],
    ["a time that is no whole number", { ...good, rows: [["session", "s", "taken", 1.5, 2]] }],
    ["a row that is too short", { ...good, rows: [["session", "s", "taken", 1]] }],
  ])("with %s is none", (_, value) => {
    expect(readPage(JSON.stringify(value))).toBeUndefined();
  });

  it("is no other text", () => {
    expect([readPage(""), readPage("<html>"), readPage(JSON.stringify(good))?.entries.length]).toEqual([
      undefined,
      undefined,
      1,
    ]);
  });
});
