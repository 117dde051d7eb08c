import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { isRefusalCode, problemFor } from "../../../src/http/problems.ts";
import { longestQuery } from "../../../src/verifier/signed-target.ts";
import * as golden from "../../unit/golden/version-1.ts";
import { catalog, preparedKeys, ringKeys } from "../../unit/signing/session.ts";
import { longCases } from "../verifier/long-requests.ts";
import {
  bindingCases,
  byteCases,
  claimRequests,
  contractCases,
  escapeCases,
  goldenCases,
  limitCases,
  requests,
  unsignedRequests,
} from "../verifier/requests.ts";
import { byCore, type Case, type World, worldOf } from "../verifier/worlds.ts";
import { type Outcome, Stage, scriptOf } from "./stage.ts";

/** CloudFront refuses a longer one before its function sees it. */
const maxUrl = 8192;

const world = await worldOf({ keys: ringKeys }, await preparedKeys(), catalog);
const { assets } = world.settings;
const stage = new Stage(await scriptOf({ assets }));

/** What the function has to do, by the edge worker's check. */
function expected(own: World, request: Case): Outcome {
  const { status, code, purpose, asset, path, query, location } = Object(byCore(own, request));
  const refused = (refusal: string) => ({
    status: isRefusalCode(refusal) ? problemFor(refusal).status : 0,
    refusal,
  });
  // HTTP trims the value of a header, as it does for the address "" that some cases have.
  const forwarded = { origin: "manifest", target: request.target, viewer: `${request.client.address} XX`.trim() };
  if ((request.target.split(/\?(.*)/s)[1] ?? "").length > longestQuery) return forwarded;
  // Which files an asset's globs allow is left to the core.
  if (code === "file_forbidden" || purpose === "file") return forwarded;
  if (code !== undefined) return refused(code);
  if (status === "expired" && location === undefined) return refused("signature_expired");
  // Keys must not be in a cache.
  if (purpose === "playlist" || purpose === "key") return forwarded;
  if (status === "expired") return { status: 307, location };
  return { origin: "default", target: `/${asset}/${path.replaceAll("+", "%2B")}${query === "" ? "" : `?${query}`}` };
}

async function disagreements(cases: readonly Case[], own: World = world, of: Stage = stage) {
  const different: unknown[] = [];
  for (const request of cases) {
    const [outcome, core] = [await of.outcome(request), expected(own, request)];
    if (!isDeepStrictEqual(outcome, core)) different.push({ request, outcome, core });
  }
  return different.slice(0, 5);
}

describe("the CloudFront Function decides as the edge worker about", () => {
  it("the golden URLs", async () => {
    const own = await worldOf(golden.ring, golden.keys, golden.unwrap(parseCatalog(golden.v1.catalog)));
    const keys = golden.ring.keys.filter((key) => key.purpose === "session");
    const of = new Stage(await scriptOf({ assets: own.settings.assets }), { keys });
    expect(await disagreements(goldenCases, own, of)).toEqual([]);
  });

  it.each([
    // The verifier's own tests judge all of them; here it is enough that the artefact contains it.
    ["every 25th URL that the signing contract judges", contractCases.filter((_, at) => at % 25 === 0)],
    ["every 25th grant with a byte changed, authentic or not", byteCases.filter((_, at) => at % 25 === 0)],
    ["paths and aliases that servers read differently", escapeCases.filter(({ target }) => target.length <= maxUrl)],
    ["long queries", longCases],
    ["grants with claims at their limits", limitCases],
    ["grants that are bound to a network", bindingCases],
  ])("%s", async (_, cases) => {
    expect(await disagreements(cases)).toEqual([]);
  });

  it.each([
    ["requests with any combination of faults", requests, 500],
    ["unsigned requests", unsignedRequests, 300],
    ["authentic grants with odd claims", claimRequests, 300],
  ])("%s", async (_, arbitrary, numRuns) => {
    const agrees = fc.asyncProperty(arbitrary, async (request) => {
      expect(await disagreements([request])).toEqual([]);
    });
    await fc.assert(agrees, { numRuns });
  });
});
