import { describe, expect, it } from "vitest";
import { judge, type Result } from "../../../proof/result.ts";

const clean: Result = {
  scenario: "through",
  player: "hls.js",
  asset: "film",
  requests: 9,
  refused: [],
  redirects: 3,
  initFetches: 1,
  keyFetches: 0,
  playlists: 2,
  stalls: [],
  fatal: [],
  faults: [],
  endedAfter: undefined,
  latency: undefined,
  notes: [],
};

const shortfalls = (result: Partial<Result>, unprotected?: Partial<Result>, rules: Parameters<typeof judge>[2] = {}) =>
  judge({ ...clean, ...result }, unprotected && { ...clean, ...unprotected }, rules).shortfalls;

describe("the judge of the proof", () => {
  it("reports nothing for a clean run with redirects", () => expect(shortfalls({})).toEqual([]));

  it.each<[string, Partial<Result>]>([
    ["a stall", { stalls: [{ at: 3, milliseconds: 400 }] }],
    ["a refusal", { refused: ["403 signature_expired"] }],
    ["a player that gave up", { fatal: ["fragLoadError"] }],
    ["an initialisation section fetched again", { initFetches: 2 }],
    ["a key fetched again", { keyFetches: 2 }],
    ["a fault that the scenario reports", { faults: ["no URL was renewed"] }],
    ["a session that continues for more than 2 s", { endedAfter: 2001 }],
  ])("reports %s", (_, result) => expect(shortfalls(result)).toHaveLength(1));

  it("reports a refusal with a code that the scenario does not expect", () => {
    const rules = { expectedCodes: ["session_revoked"], isCut: true };
    expect(shortfalls({ refused: ["403 session_revoked"], fatal: ["fragLoadError"] }, undefined, rules)).toEqual([]);
    expect(shortfalls({ refused: ["403 grant_expired"] }, undefined, rules)).toEqual(["refused: 403 grant_expired"]);
  });

  it("reports no repeated request of a stream that was cut short, which has no unprotected run to compare with", () => {
    expect(shortfalls({ initFetches: 2 }, undefined, { isCut: true })).toEqual([]);
  });

  it("reports a player's own habits only if they are worse than without protection", () => {
    expect(shortfalls({ initFetches: 2 }, { initFetches: 2 })).toEqual([]);
    expect(shortfalls({ initFetches: 3 }, { initFetches: 2 })).toHaveLength(1);
    expect(shortfalls({ faults: ["did not get to the end"] }, { faults: ["did not get to the end"] })).toEqual([]);
    expect(shortfalls({ faults: ["no URL was renewed"] }, { faults: ["no URL was renewed"] })).toHaveLength(1);
    expect(shortfalls({ refused: ["403 x"] }, { refused: ["403 x"] })).toHaveLength(1);
  });
});
