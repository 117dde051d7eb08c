import { describe, expect, it } from "vitest";
import { contentTypeOf } from "../../../src/origin/file-response.ts";

describe("a file's media type", () => {
  it.each([
    ["index.m3u8", "application/vnd.apple.mpegurl"],
    ["360p/0.ts", "video/mp2t"],
    ["0.M4S", "video/mp4"],
    ["init.mp4", "video/mp4"],
    ["a.b/de.vtt", "text/vtt; charset=utf-8"],
    ["0.key", "application/octet-stream"],
    ["no-extension", "application/octet-stream"],
    ["ts", "application/octet-stream"],
    ["dir.ts/file", "application/octet-stream"],
  ])("of %s is %s", (path, type) => {
    expect(contentTypeOf(path, undefined)).toBe(type);
  });

  it("is the stored one, unless that is missing or generic", () => {
    expect(contentTypeOf("a.ts", "video/mp4")).toBe("video/mp4");
    for (const stored of [null, undefined, "", "binary/octet-stream", "application/octet-stream"])
      expect(contentTypeOf("a.ts", stored)).toBe("video/mp2t");
  });
});
