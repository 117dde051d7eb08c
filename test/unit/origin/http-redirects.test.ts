import { describe, expect, it } from "vitest";
import { ask, code, file, headerAuth, redirect, sigv4 } from "./ask-origin.ts";
import type { SeenRequest } from "./fake-server.ts";

describe("redirects of an HTTP origin", () => {
  it.each([301, 302, 303, 307, 308])("are followed on its own host (%i), and signed again", async (status) => {
    const asked = await ask((_, hop) => (hop === 0 ? redirect("/moved/0.ts", status) : file()), {
      range: "bytes=0-4",
      origin: { auth: sigv4 },
    });
    expect(code(asked)).toBe(200);
    expect(asked.seen.map(({ url }) => url)).toEqual([
      "https://origin.example/films/42/360p/0.ts",
      "https://origin.example/moved/0.ts",
    ]);
    const [before, behind] = asked.seen.map(({ headers }) => headers.get("Authorization"));
    expect(behind).not.toBe(before);
    expect(asked.seen[1]?.headers.get("Range")).toBe("bytes=0-4");
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
    const asked = await ask(() => redirect(location), { origin: { auth: headerAuth } });
    expect(code(asked)).toBe("origin_failed");
    expect(asked.seen).toHaveLength(1);
  });

  it("without a place are refused", async () => {
    expect(code(await ask(() => new Response(null, { status: 302 })))).toBe("origin_failed");
  });

  it("end after three", async () => {
    const three = await ask((_, hop) => (hop < 3 ? redirect(`/${hop}`) : file()));
    expect(code(three)).toBe(200);
    const four = await ask((_, hop) => (hop < 4 ? redirect(`/${hop}`) : file()));
    expect(code(four)).toBe("origin_failed");
    expect(four.seen).toHaveLength(4);
  });
});

describe("redirects of a playlist", () => {
  const text = () => new Response("#EXTM3U\n", { headers: { ETag: '"a"' } });
  const follow = (locations: readonly string[], more: object = {}) =>
    ask((_, hop) => (hop < locations.length ? redirect(locations[hop] ?? "") : text()), {
      path: "index.m3u8",
      locates: true,
      origin: { auth: headerAuth },
      ...more,
    });
  const located = ({ result }: Awaited<ReturnType<typeof ask>>) =>
    result.ok ? result.value.headers.get("Content-Location") : result.refusal.code;

  it.each([
    [["v2/index.m3u8"], "v2/index.m3u8"],
    [["/films/42/v2/index.m3u8?sid=a%2Fb&x"], "v2/index.m3u8?sid=a%2Fb&x"],
    [["https://origin.example/films/42/v2/index.m3u8"], "v2/index.m3u8"],
    [["//origin.example/films/42/v2/index.m3u8#t"], "v2/index.m3u8"],
    [["v2/", "./index.m3u8"], "v2/index.m3u8"],
    [["v2/index.m3u8", "../v3/a;b//index.m3u8"], "v3/a;b//index.m3u8"],
    [["?sid=1"], "index.m3u8?sid=1"],
    // An origin hands delivery directives on; they say nothing about the place.
    [["v2/index.m3u8?_HLS_msn=7&sid=1&_HLS_part=0"], "v2/index.m3u8?sid=1"],
    [["v2/index.m3u8?_HLS_skip=YES"], "v2/index.m3u8"],
    [[], null],
  ])("%j lead to %s below the asset's prefix", async (locations, location) => {
    const asked = await follow(locations);
    expect(located(asked)).toBe(location);
    for (const { url, headers } of asked.seen) {
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
    const asked = await follow([location]);
    expect(located(asked)).toBe(location === "" ? "index.m3u8" : "origin_failed");
    if (location !== "") expect(asked.seen).toHaveLength(1);
  });

  it("may not leave the prefix on their way either", async () => {
    const asked = await follow(["/login", "/films/42/index.m3u8"]);
    expect([located(asked), asked.seen.length]).toEqual(["origin_failed", 1]);
  });

  it("are told of where nothing has changed, too", async () => {
    const respond = (_: SeenRequest, hop: number) =>
      hop === 0 ? redirect("v3/index.m3u8") : new Response(null, { status: 304, headers: { ETag: '"a"' } });
    const asked = await ask(respond, { path: "index.m3u8", locates: true, ifNoneMatch: '"a"' });
    expect([code(asked), located(asked)]).toEqual([304, "v3/index.m3u8"]);
  });

  it("say nothing that an origin's own Content-Location says", async () => {
    const own = () => new Response("#EXTM3U\n", { headers: { "Content-Location": "/films/43/index.m3u8" } });
    expect(located(await ask(own, { locates: true }))).toBeNull();
  });
});
