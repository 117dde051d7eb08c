import { isDeepStrictEqual } from "node:util";
import { encode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import files from "../../golden/files-v1.json";
import * as golden from "../../unit/golden/version-1.ts";
import {
  catalog,
  grantOf,
  in6Hours,
  keyOf,
  now,
  preparedKeys,
  ringKeys,
  signedTarget,
} from "../../unit/signing/session.ts";
import { longCases } from "./long-requests.ts";
import {
  authenticCase,
  bindingCases,
  byteCases,
  claimRequests,
  client,
  contractCases,
  escapeCases,
  goldenCases,
  limitCases,
  requests,
  unsignedRequests,
} from "./requests.ts";
import { byCore, type Case, inVm, type World, worldOf } from "./worlds.ts";

const world = await worldOf({ keys: ringKeys }, await preparedKeys(), catalog);
const verify = inVm(world);
const key = keyOf(world.keys, "2026-a");
const segment = signedTarget(key, { purpose: "segment", grant: grantOf(key), path: "/film/A/0.ts" });

/** The requests about which the verifier and the core disagree. Which files an asset's globs allow is left to the core. */
function disagreements(cases: readonly Case[], own: World = world, judge = verify) {
  return cases.flatMap((request) => {
    const [core, verdict] = [byCore(own, request), judge(request)];
    const same =
      Object(core).code === "file_forbidden" ? "file" === Object(verdict).purpose : isDeepStrictEqual(core, verdict);
    return same ? [] : [{ request, core, verdict }];
  });
}

describe("the portable verifier agrees with the core about", () => {
  it.each([
    ["the golden URLs", golden.v1.catalog],
    ["the golden URLs of files", files.catalog],
  ])("%s", async (_, document) => {
    const own = await worldOf(golden.ring, golden.keys, golden.unwrap(parseCatalog(document)));
    expect(disagreements(goldenCases, own, inVm(own))).toEqual([]);
  });

  it("every URL that the signing contract judges", () => {
    expect(disagreements(contractCases)).toEqual([]);
  });

  it("paths and aliases that servers read differently, and long queries", () => {
    expect(disagreements([...escapeCases, ...longCases])).toEqual([]);
  });

  it("grants with any byte changed, authentic or not, and claims at their limits", () => {
    expect(disagreements([...byteCases, ...limitCases])).toEqual([]);
  });

  it("grants that are bound to a network, from usual and odd addresses", () => {
    expect(disagreements(bindingCases)).toEqual([]);
  });

  it.each([
    ["requests with any combination of faults", requests, 1500],
    ["unsigned requests", unsignedRequests, 500],
    ["authentic grants with odd claims", claimRequests, 1000],
  ])("%s", (_, arbitrary, numRuns) => {
    const agrees = fc.property(arbitrary, (request) => {
      expect(disagreements([request])).toEqual([]);
    });
    fc.assert(agrees, { numRuns });
  });
});

describe("the portable verifier", () => {
  const statusOf = (judge: typeof verify, target = segment, time: number = now) => {
    const { status, code, location } = Object(judge({ target, client, now: time }));
    return code ?? (location === undefined ? status : `${status}, renewed`);
  };

  it("knows every asset and binds no segment, if it has no list of assets", () => {
    const { assets: _, ...settings } = world.settings;
    const judge = inVm({ ...world, settings });
    const unlisted = signedTarget(key, {
      purpose: "segment",
      grant: grantOf(key, { prefix: "/new/" }),
      path: "/new/0.ts",
    });
    expect([statusOf(verify, unlisted), statusOf(judge, unlisted), statusOf(judge)]).toEqual([
      "asset_unknown",
      "granted",
      "granted",
    ]);
  });

  it("renews no URL, if its settings name no lifetime", () => {
    const { renewal: _, ...settings } = world.settings;
    const late = in6Hours - 1;
    expect([statusOf(verify, segment, late), statusOf(inVm({ ...world, settings }), segment, late)]).toEqual([
      "expired, renewed",
      "expired",
    ]);
  });

  it("has no retired key", async () => {
    const retired = ringKeys.map((each) => ({ ...each, state: "retired" as const }));
    const judge = inVm(await worldOf({ keys: retired }, world.keys, catalog));
    expect([statusOf(verify), statusOf(judge)]).toEqual(["granted", "key_unknown"]);
  });

  it("refuses claims in another order, which no version writes", () => {
    const claims = new Map<number, unknown>([
      [1, "stagedoor"],
      [2, "subject"],
      [4, in6Hours],
      [6, now],
      [7, new Uint8Array(16)],
      [310, 1],
      [312, new Map([[3, new Map([[1, "/film/"]])]])],
      [313, ["GET", "HEAD"]],
    ]);
    const [header, ...members] = [...claims].map((entry) => encode(new Map([entry])).slice(1)).toReversed();
    const reversed = Uint8Array.from([0xa8, ...(header ?? []), ...members.flatMap((member) => [...member])]);
    expect([
      statusOf(verify, authenticCase(encode(claims)).target),
      statusOf(verify, authenticCase(reversed).target),
    ]).toEqual(["granted", "grant_invalid"]);
  });
});
