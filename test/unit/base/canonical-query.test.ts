import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalQuery } from "../../../src/base/canonical-path.ts";

describe("canonicalQuery", () => {
  it.each([
    ["v=2&part=b", "v=2&part=b"],
    ["sig=a~b", "sig=a~b"],
    ["sig=a%7Eb", "sig=a~b"],
    ["u=https://h/a;b", "u=https%3A%2F%2Fh%2Fa%3Bb"],
    ["t=%c3%a9&é", "t=%C3%A9&%C3%A9"],
    ["a=b=c", "a=b%3Dc"],
    ["100%", "100%25"],
    ["%%41", "%25A"],
    ["a=%26b%3D", "a=%26b%3D"],
    ["a\nb", "a%0Ab"],
    ["", ""],
  ])("spells %j as %j", (query, spelling) => {
    expect(canonicalQuery(query)).toBe(spelling);
  });

  it.each([
    ["a=1&b=2", "b=2&a=1"],
    ["a=1&b=2", "a=1%26b=2"],
    ["a=b", "a%3Db"],
    ["a=1+1", "a=1%2B1"],
    ["a=1%201", "a=1+1"],
    ["a", "A"],
    ["a=%2541", "a=%41"],
    ["a=1", "a=1&"],
    ["a=1&&b", "a=1&b"],
  ])("keeps %j and %j apart, because an origin may treat them differently", (one, other) => {
    expect(canonicalQuery(one)).not.toBe(canonicalQuery(other));
  });

  const queryish = fc
    .array(
      fc.oneof(
        fc.constantFrom("a", "=", "&", "%", "%41", "%7e", "%C3", "+", "~", "é", "🎬", "4", "1", "?", "/"),
        fc.string({ unit: "binary" }),
      ),
    )
    .map((parts) => parts.join(""));

  it("leaves its own output unchanged and uses only the characters of a query", () => {
    fc.assert(
      fc.property(queryish, (query) => {
        const once = canonicalQuery(query);
        expect(once).toMatch(/^([A-Za-z0-9._~+&=-]|%[0-9A-F]{2})*$/);
        expect(canonicalQuery(once)).toBe(once);
      }),
    );
  });

  it("is the same before and after a player rewrites the query with URLSearchParams", () => {
    // A space has two spellings there, and a bare name gets a "=". Such queries are refused, never confused.
    const word = fc.string({ unit: "grapheme-composite" }).filter((text) => !/[ +]/.test(text) && text.isWellFormed());
    const spelling = fc.constantFrom(encodeURIComponent, encodeURI, (text: string) =>
      text.replaceAll(/[%&=#]/g, encodeURIComponent),
    );
    const pair = fc
      .tuple(word, word, spelling)
      .map(
        ([name, value, write]) =>
          `${encodeURIComponent(name)}=${write(value).replaceAll("&", "%26").replaceAll("+", "%2B")}`,
      );
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1 }), (pairs) => {
        const query = pairs.join("&");
        expect(canonicalQuery(new URLSearchParams(query).toString())).toBe(canonicalQuery(query));
      }),
    );
  });

  // Only ASCII: Node joins the bytes of a raw non-ASCII letter with those of an escape next to it.
  const ascii = queryish.filter((query) => /^[ -~]*$/.test(query));

  it("keeps the names and values that URLSearchParams reads", () => {
    fc.assert(
      fc.property(ascii, (query) => {
        expect([...new URLSearchParams(canonicalQuery(query))]).toEqual([...new URLSearchParams(`&${query}`)]);
      }),
    );
  });
});
