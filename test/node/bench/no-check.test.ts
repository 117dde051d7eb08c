import { describe, expect, it } from "vitest";
import { sharedAsset } from "../../../bench/manifest.ts";
import { playlistNamed } from "../../../bench/playlists.ts";
import { rewriting } from "../../../bench/rewriting.ts";
import * as unchecked from "../../../bench/workers/no-check.ts";
import * as checked from "../../../src/edge/check-media-request.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";

describe("the edge worker without its check", async () => {
  const { targetFor, bench } = await rewriting(playlistNamed("live6"), "", oneShotHmac);
  const good = targetFor(0, { purpose: "segment", asset: sharedAsset, file: "720p/0.ts" });
  const forged = `${good.slice(0, -4)}${good.endsWith("AAAA") ? "BBBA" : "AAAA"}`;

  it("serves a forged URL that the check refuses", () => {
    expect(checked.checkMediaRequest(forged, bench.check).verdict).toBe("refused");
    expect(unchecked.checkMediaRequest(forged, bench.check).verdict).toBe("passed");
  });

  it("returns the same parts of a request as the check", () => {
    const [ours, theirs] = [checked, unchecked].map((module) => module.checkMediaRequest(good, bench.check));
    if (ours?.verdict !== "passed" || theirs?.verdict !== "passed") throw new Error("a good request was refused");
    const { grant: _ours, ...rest } = ours.access;
    const { grant: _theirs, ...same } = theirs.access;
    expect(same).toEqual(rest);
  });

  it("exports the same names as the check's module", () => {
    expect(Object.keys(unchecked).toSorted()).toEqual(Object.keys(checked).toSorted());
  });
});
