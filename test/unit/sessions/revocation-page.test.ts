import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { revocationCauses, revocationKinds, revocationMakers } from "../../../src/sessions/revocation.ts";
import { readPage, writePage } from "../../../src/sessions/revocation-store.ts";

const time = fc.integer({ min: 0, max: 253_402_300_799 }).map(unixSeconds);
const plain = fc.record({
  kind: fc.constantFrom(...revocationKinds),
  value: fc.string({ minLength: 1, maxLength: 256 }),
  cause: fc.constantFrom(...revocationCauses),
  at: time,
  until: time,
});
const details = fc.record(
  {
    by: fc.constantFrom(...revocationMakers),
    lastGrant: time.filter((at) => at > 0),
    subject: fc.string({ minLength: 1, maxLength: 256 }),
  },
  { requiredKeys: ["by"] },
);
const entry = fc.oneof(
  plain,
  fc.tuple(plain, details).map(([first, more]) => ({ ...first, ...more })),
);
const page = fc.record({
  cursor: fc.maxSafeNat(),
  reset: fc.boolean(),
  more: fc.boolean(),
  entries: fc.array(entry, { maxLength: 5 }),
});
const row = ["session", "s", "taken", 1, 2];
const valid = { cursor: 7, reset: false, more: false, rows: [row] };

describe("a page of the revocation log", () => {
  it("is read as it was written", () => {
    const roundTrip = fc.property(page, (written) => {
      expect(readPage(writePage(written))).toEqual(written);
    });
    fc.assert(roundTrip, { numRuns: 100 });
  });

  it("needs at most 70 bytes per session", () => {
    const [session, until] = ["AQEBAQEBAQEBAQEBAQEBAQ", unixSeconds(1_795_000_150)];
    const ended = { kind: "session", value: session, cause: "revoked", at: unixSeconds(1_795_000_000), until } as const;
    const lengthOf = (count: number) =>
      writePage({ cursor: 7, reset: true, more: false, entries: Array(count).fill(ended) }).length;
    expect(lengthOf(2) - lengthOf(1)).toBeLessThanOrEqual(70);
  });

  it.each<[string, unknown]>([
    ["a list instead of an object", []],
    ["null", null],
    ["no cursor", { ...valid, cursor: undefined }],
    ["a negative cursor", { ...valid, cursor: -1 }],
    ["a fractional cursor", { ...valid, cursor: 1.5 }],
    ["a reset that is not a boolean", { ...valid, reset: 0 }],
    ["a `more` that is not a boolean", { ...valid, more: "no" }],
    ["rows that are not a list", { ...valid, rows: { 0: row } }],
    ["a row that is a string", { ...valid, rows: [row, "session"] }],
    ["an unknown kind", { ...valid, rows: [["planet", "s", "taken", 1, 2]] }],
    ["an inherited property name as its kind", { ...valid, rows: [["constructor", "s", "taken", 1, 2]] }],
    ["an unknown cause", { ...valid, rows: [["session", "s", "bored", 1, 2]] }],
    ["an empty value", { ...valid, rows: [["session", "", "taken", 1, 2]] }],
    ["a value of 257 characters", { ...valid, rows: [["session", "s".repeat(257), "taken", 1, 2]] }],
    ["a value that is a number", { ...valid, rows: [["session", 5, "taken", 1, 2]] }],
    ["a fractional time", { ...valid, rows: [["session", "s", "taken", 1.5, 2]] }],
    ["an unknown maker", { ...valid, rows: [[...row, "nobody", 0, ""]] }],
    ["a maker without a last grant", { ...valid, rows: [[...row, "viewer"]] }],
    ["a last grant that is a text", { ...valid, rows: [[...row, "viewer", "3", ""]] }],
    ["a subject that is a number", { ...valid, rows: [[...row, "viewer", 3, 4]] }],
    ["a row that is too short", { ...valid, rows: [["session", "s", "taken", 1]] }],
  ])("with %s is refused", (_, value) => {
    expect(readPage(JSON.stringify(value))).toBeUndefined();
  });

  it("is refused if it is not JSON", () => {
    expect([readPage(""), readPage("<html>"), readPage(JSON.stringify(valid))?.entries.length]).toEqual([
      undefined,
      undefined,
      1,
    ]);
  });
});
