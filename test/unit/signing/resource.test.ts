import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resourceCovers, type UrlSections } from "../../../src/signing/cloudfront/verify-cloudfront.ts";

function url(text: string): UrlSections {
  const [scheme = "", rest = ""] = text.split("://");
  const [host = "", ...path] = rest.split("/");
  const [plain = "", ...query] = `/${path.join("/")}`.split("?");
  return { scheme, host, path: plain, query: query.length === 0 ? undefined : query.join("?") };
}

/** Wildcards by exhaustive search, for short texts. */
function naive(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  const rest = pattern.slice(1);
  if (pattern.startsWith("*")) return naive(rest, text) || (text !== "" && naive(pattern, text.slice(1)));
  if (text === "") return false;
  return (pattern.startsWith("?") || pattern.charAt(0) === text.charAt(0)) && naive(rest, text.slice(1));
}

/** The sections, with each question mark tried as the start of the query. */
function naiveSections(pattern: string, path: string, query: string | undefined): boolean {
  if (query === undefined) return naive(pattern, path);
  if (pattern.endsWith("*") && naive(pattern, path)) return true;
  for (let i = pattern.indexOf("?"); i >= 0; i = pattern.indexOf("?", i + 1))
    if (naive(pattern.slice(0, i), path) && naive(pattern.slice(i + 1), query)) return true;
  return false;
}

test("a CloudFront resource matches the same URLs as in a naive reference implementation", () => {
  const text = (characters: string, maxLength: number) =>
    fc.string({ unit: fc.constantFrom(...characters), maxLength }).map((word) => word);
  fc.assert(
    fc.property(
      text("ab/*?", 7),
      text("ab/", 6),
      fc.option(text("ab/?", 5), { nil: undefined }),
      (pattern, path, query) => {
        const sections = { scheme: "https", host: "d", path: `/${path}`, query };
        expect(resourceCovers(`https://d/${pattern}`, sections)).toBe(naiveSections(`/${pattern}`, `/${path}`, query));
      },
    ),
    { numRuns: 20_000 },
  );
});

describe("in AWS's examples, the resource", () => {
  test.each([
    ["https://www.example.com/hello*world", "https://www.example.com/helloworld"],
    ["https://www.example.com/hello*world", "https://www.example.com/hello-world"],
    [
      "https://d.net/images/horizon.jpg?size=large&license=yes",
      "https://d.net/images/horizon.jpg?size=large&license=yes",
    ],
    ["https://d.net/*game_download.zip*", "https://d.net/game_download.zip"],
    ["https://d.net/*game_download.zip*", "https://d.net/example_game_download.zip?license=yes"],
    ["https://d.net/*game_download.zip*", "https://d.net/test_game_download.zip?license=temp"],
    ["http://example.com/hello*\\?*", "http://example.com/hello"],
    ["http://example.com/hello*\\?*", "http://example.com/hello/you?a=b"],
    ["http://example.com*", "http://example.com.au/a?b"],
    ["*example.com", "https://www.example.com/"],
    ["*", "http://any.example/where?it=is"],
    ["http://*", "http://any.example/where?it=is"],
  ])("%s covers %s", (resource, address) => {
    expect(resourceCovers(resource, url(address))).toBe(true);
  });

  test.each([
    ["https://www.example.com/hello*world", "https://www.example.net/hello?world"],
    ["https://www.example.com/hello*world", "https://www.example.com/hello?world"],
    ["*example.com", "https://www.example.com/a"],
  ])("%s does not cover %s", (resource, address) => {
    expect(resourceCovers(resource, url(address))).toBe(false);
  });
});

describe("the resource", () => {
  test.each([
    ["https://d.net/v1/*", "https://d.net/v1/1.ts", true],
    ["https://d.net/v1/*", "https://d.net/v1/deeper/1.ts?CMCD=br", true],
    ["https://d.net/v1/*", "https://d.net/v10/1.ts", false],
    ["https://d.net/v1/*", "https://d.net/v1", false],
    ["https://d.net/v1/*", "http://d.net/v1/1.ts", false],
    ["https://d.net/v1/*", "https://e.net/v1/1.ts", false],
    ["https://d.net/v1/*.ts", "https://d.net/v1/1.mp4?x=.ts", false],
    ["https://d.net/v1/1.ts", "https://d.net/v1/1.ts?x=1", false],
    ["https://d.net/v1/1.ts", "https://d.net/v1/1.tsx", false],
    ["https://d.net/v1/1.ts?x=1", "https://d.net/v1/1.ts", false],
    ["https://d.net/v1/1.ts\\?x=1", "https://d.net/v1/1.ts?x=1", true],
    ["https://d.net/v1/1.ts\\?x=1", "https://d.net/v1/1.tsZx=1", false],
    ["https://d.net/v1/seg-????.ts", "https://d.net/v1/seg-0001.ts", true],
    ["https://d.net/v1/seg-????.ts", "https://d.net/v1/seg-00001.ts", false],
    ["*://d.net/1.ts", "http://d.net/1.ts", true],
    ["http*://d.net/1.ts", "https://d.net/1.ts", true],
    ["ftp://d.net/1.ts", "ftp://d.net/1.ts", false],
    ["h*://d.net/1.ts", "https://d.net/1.ts", false],
    ["d.net/1.ts", "https://d.net/1.ts", false],
    ["https://*.net/1.ts", "https://d.net/1.ts", true],
    ["https://*.net/1.ts", "https://evil.com/x.net/1.ts", false],
    ["https://D.net/1.ts", "https://d.net/1.ts", false],
    ["", "https://d.net/1.ts", false],
  ])("%s covers %s: %s", (resource, address, covered) => {
    expect(resourceCovers(resource, url(address))).toBe(covered);
  });
});
