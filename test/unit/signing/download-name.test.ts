import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalQuery } from "../../../src/base/canonical-path.ts";
import { contentDisposition, downloadFault, downloadIn, downloadQuery } from "../../../src/signing/download-name.ts";

describe("the name of a download", () => {
  it.each(["film.mp4", "Der Film (2026) – Überlänge.mp4", "a.b.MP4", "映画.mp4"])("may be %j", (name) => {
    expect(downloadFault(name, "downloads/film.mp4")).toBeUndefined();
  });

  it.each([
    "",
    "film.exe",
    "film.mp4.exe",
    "film",
    "../film.mp4",
    "a/film.mp4",
    "a\\film.mp4",
    "C:film.mp4",
    'a".mp4',
    "a\r\nX: 1.mp4",
    "a\0.mp4",
    "gpj\u202e4pm.mp4",
    "a\u200b.mp4",
    ".mp4",
    " a.mp4",
    "a.mp4 ",
    "a%2F.mp4",
    "a;.mp4",
    "\ud800.mp4",
    `${"a".repeat(125)}.mp4`,
  ])("is refused: %j", (name) => {
    expect(downloadFault(name, "downloads/film.mp4")).toMatch(/\.$/);
  });

  it("survives the URL, in canonical form, and the header has nothing that ends it early", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), (text) => {
        const name = `${text}.mp4`;
        if (downloadFault(name, "film.mp4") !== undefined) return;
        const query = downloadQuery(name);
        expect(canonicalQuery(query)).toBe(query);
        expect(downloadIn(query)).toBe(name);
        const header = contentDisposition(name);
        expect(header).toMatch(/^attachment; filename="[ !#-[\]-~]*"; filename\*=UTF-8''[A-Za-z0-9.!#$&+^_`|~%-]+$/);
        expect(decodeURIComponent(header.split("; filename*=UTF-8''")[1] ?? "")).toBe(name);
        expect(new Headers({ "Content-Disposition": header }).get("Content-Disposition")).toBe(header);
      }),
    );
  });

  it("is no other query of a file", () => {
    expect(downloadIn("v=1")).toBeUndefined();
    expect(downloadIn("download=a&v=1")).toBeUndefined();
    expect(downloadIn("download=%FF")).toBeUndefined();
    expect(downloadIn("xdownload=a")).toBeUndefined();
  });
});
