import { describe, expect, it } from "vitest";
import { claimsOf, isAssetList, rightsOf } from "../../../src/identity/identity-settings.ts";

describe("a user's access rights", () => {
  it.each([
    ["*", "*"],
    [" * ", "*"],
    ["vod-ts", ["vod-ts"]],
    ["vod-ts, vod-fmp4\nlive-ts", ["vod-ts", "vod-fmp4", "live-ts"]],
    ["", []],
    [null, []],
    [undefined, []],
    // A star among ids is a typo, and allows nothing.
    ["* vod-ts", ["vod-ts"]],
    ["../secret vod-ts", ["vod-ts"]],
  ])("read from the assets %j allow %j", (assets, allowed) => {
    expect(rightsOf({ assets }).assets).toEqual(allowed);
  });

  it.each([
    [1, 1],
    [3, 3],
    [0, undefined],
    [-1, undefined],
    [1.5, undefined],
    ["2", undefined],
    [null, undefined],
  ])("read from the streams %j have the limit %j", (streams, limit) => {
    expect(rightsOf({ streams }).streams).toBe(limit);
  });

  it("are the only data of the user in their tokens' claims", () => {
    const user = { id: "u", email: "ann@example.com", name: "Ann", image: "x", assets: "vod-ts", streams: 2 };
    expect(claimsOf(user)).toEqual({ assets: ["vod-ts"], streams: 2 });
    expect(claimsOf({ ...user, streams: null })).toEqual({ assets: ["vod-ts"] });
  });

  it("of new users are configured as a list in the same format", () => {
    expect(["*", "vod-ts", "vod-ts vod-fmp4", ""].map(isAssetList)).toEqual([true, true, true, true]);
    expect(["* vod-ts", "Vod", "a/b"].map(isAssetList)).toEqual([false, false, false]);
  });
});
