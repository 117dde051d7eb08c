import { describe, expect, it } from "vitest";
import type { SeenRequest } from "./fake-server.ts";
import { code, file, headerAuth, openFile, redirect, sigv4 } from "./open-file.ts";

describe("redirects of an HTTP origin", () => {
  it.each([301, 302, 303, 307, 308])("are followed on its own host (%i), and signed again", async (status) => {
    const outcome = await openFile((_, hop) => (hop === 0 ? redirect("/moved/0.ts", status) : file()), {
      range: "bytes=0-4",
      origin: { auth: sigv4 },
    });
    expect(code(outcome)).toBe(200);
    expect(outcome.requests.map(({ url }) => url)).toEqual([
      "https://origin.example/films/42/360p/0.ts",
      "https://origin.example/moved/0.ts",
    ]);
    const [before, after] = outcome.requests.map(({ headers }) => headers.get("Authorization"));
    expect(after).not.toBe(before);
    expect(outcome.requests[1]?.headers.get("Range")).toBe("bytes=0-4");
  });

  it.each([
    "https://elsewhere.example/0.ts",
    "//elsewhere.example/0.ts",
    "http://origin.example/films/42/0.ts",
    "https://origin.example:8443/0.ts",
    "https://user@origin.example/0.ts",
    "https://origin.example.org/0.ts",
    "file:///etc/passwd",
    "https://",
  ])("to %s are not followed", async (location) => {
    const outcome = await openFile(() => redirect(location), { origin: { auth: headerAuth } });
    expect(code(outcome)).toBe("origin_failed");
    expect(outcome.requests).toHaveLength(1);
  });

  it("without a Location are refused", async () => {
    expect(code(await openFile(() => new Response(null, { status: 302 })))).toBe("origin_failed");
  });

  it("are followed three times at most", async () => {
    const three = await openFile((_, hop) => (hop < 3 ? redirect(`/${hop}`) : file()));
    expect(code(three)).toBe(200);
    const four = await openFile((_, hop) => (hop < 4 ? redirect(`/${hop}`) : file()));
    expect(code(four)).toBe("origin_failed");
    expect(four.requests).toHaveLength(4);
  });
});

describe("redirects of a playlist", () => {
  const text = () => new Response("#EXTM3U\n", { headers: { ETag: '"a"' } });
  const follow = (locations: readonly string[], more: object = {}) =>
    openFile((_, hop) => (hop < locations.length ? redirect(locations[hop] ?? "") : text()), {
      path: "index.m3u8",
      locates: true,
      origin: { auth: headerAuth },
      ...more,
    });
  const located = ({ result }: Awaited<ReturnType<typeof openFile>>) =>
    result.ok ? result.value.headers.get("Content-Location") : result.refusal.code;

  it.each([
    [["v2/index.m3u8"], "v2/index.m3u8"],
    [["/films/42/v2/index.m3u8?sid=a%2Fb&x"], "v2/index.m3u8?sid=a%2Fb&x"],
    [["https://origin.example/films/42/v2/index.m3u8"], "v2/index.m3u8"],
    [["//origin.example/films/42/v2/index.m3u8#t"], "v2/index.m3u8"],
    [["v2/", "./index.m3u8"], "v2/index.m3u8"],
    [["v2/index.m3u8", "../v3/a;b//index.m3u8"], "v3/a;b//index.m3u8"],
    [["?sid=1"], "index.m3u8?sid=1"],
    // An origin repeats delivery directives; they are not part of the location.
    [["v2/index.m3u8?_HLS_msn=7&sid=1&_HLS_part=0"], "v2/index.m3u8?sid=1"],
    [["v2/index.m3u8?_HLS_skip=YES"], "v2/index.m3u8"],
    [[], null],
  ])("%j lead to %s below the asset's prefix", async (locations, location) => {
    const outcome = await follow(locations);
    expect(located(outcome)).toBe(location);
    for (const { url, headers } of outcome.requests) {
      expect(new URL(url).origin).toBe("https://origin.example");
      expect(headers.get("X-Origin-Secret")).toBe("only-the-origin-knows");
    }
  });

  it.each([
    "/films/43/index.m3u8",
    "/films/421/index.m3u8",
    "/films/42",
    "../43/index.m3u8",
    "/films/42/",
    "..%2f43/index.m3u8",
    "/films/42/%2e%2e/43/index.m3u8",
    "/films/42/a/..;x/index.m3u8",
    "https://elsewhere.example/films/42/index.m3u8",
    "https://origin.example:8443/films/42/index.m3u8",
    "http://origin.example/films/42/index.m3u8",
    "",
  ])("to %j are refused, and nothing is sent there", async (location) => {
    const outcome = await follow([location]);
    expect(located(outcome)).toBe(location === "" ? "index.m3u8" : "origin_failed");
    if (location !== "") expect(outcome.requests).toHaveLength(1);
  });

  it("must not leave the prefix on their way either", async () => {
    const outcome = await follow(["/login", "/films/42/index.m3u8"]);
    expect([located(outcome), outcome.requests.length]).toEqual(["origin_failed", 1]);
  });

  it("are reported for a 304 too", async () => {
    const respond = (_: SeenRequest, hop: number) =>
      hop === 0 ? redirect("v3/index.m3u8") : new Response(null, { status: 304, headers: { ETag: '"a"' } });
    const outcome = await openFile(respond, { path: "index.m3u8", locates: true, ifNoneMatch: '"a"' });
    expect([code(outcome), located(outcome)]).toEqual([304, "v3/index.m3u8"]);
  });

  it("do not include an origin's own Content-Location", async () => {
    const own = () => new Response("#EXTM3U\n", { headers: { "Content-Location": "/films/43/index.m3u8" } });
    expect(located(await openFile(own, { locates: true }))).toBeNull();
  });
});
