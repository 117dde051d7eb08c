import { describe, expect, it } from "vitest";
import { claimsOf, isAssetList, rightsOf } from "../../../src/identity/identity-settings.ts";

describe("a user's rights", () => {
  it.each([
    ["*", "*"],
    [" * ", "*"],
    ["vod-ts", ["vod-ts"]],
    ["vod-ts, vod-fmp4\nlive-ts", ["vod-ts", "vod-fmp4", "live-ts"]],
    ["", []],
    [null, []],
    [undefined, []],
    // A star among ids is a slip of the pen, and opens nothing.
    ["* vod-ts", ["vod-ts"]],
    ["../secret vod-ts", ["vod-ts"]],
  ])("%j open %j", (assets, opened) => {
    expect(rightsOf({ assets }).assets).toEqual(opened);
  });

  it.each([
    [1, 1],
    [3, 3],
    [0, undefined],
    [-1, undefined],
    [1.5, undefined],
    ["2", undefined],
    [null, undefined],
  ])("%j as a number of streams are %j", (streams, limit) => {
    expect(rightsOf({ streams }).streams).toBe(limit);
  });

  it("are claims of his tokens, and nothing else of him is", () => {
    const user = { id: "u", email: "ann@example.com", name: "Ann", image: "x", assets: "vod-ts", streams: 2 };
    expect(claimsOf(user)).toEqual({ assets: ["vod-ts"], streams: 2 });
    expect(claimsOf({ ...user, streams: null })).toEqual({ assets: ["vod-ts"] });
  });

  it("of new users are configured in the same words", () => {
    expect(["*", "vod-ts", "vod-ts vod-fmp4", ""].map(isAssetList)).toEqual([true, true, true, true]);
    expect(["* vod-ts", "Vod", "a/b"].map(isAssetList)).toEqual([false, false, false]);
  });
});
