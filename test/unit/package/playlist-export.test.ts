import { describe, expect, it } from "vitest";
import {
  compilePlaylist,
  type OmittedRendition,
  renderPlaylist,
  rewritePlaylist,
  type UrlToSign,
} from "../../../src/package/playlist.ts";

const place = { path: "/film/360p/index.m3u8", prefix: "/film/" };
const now = 1_795_000_000;

function film(segments: number): string {
  const lines = Array.from({ length: segments }, (_, i) => `#EXTINF:6,\n${i}.ts`);
  return ["#EXTM3U", "#EXT-X-TARGETDURATION:6", ...lines, "#EXT-X-ENDLIST", ""].join("\n");
}

describe("rewritePlaylist", () => {
  it("signs each distinct URL once and changes nothing else", async () => {
    const text = `#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-KEY:METHOD=AES-128,URI="k?v=1"\n#EXTINF:6,\n0.ts\n#EXTINF:6,\n0.ts\n#EXT-X-ENDLIST\n`;
    const signed: UrlToSign[] = [];
    const sign = (url: UrlToSign) => {
      signed.push(url);
      return { query: "s" };
    };
    expect(await rewritePlaylist(text, { ...place, sign, now })).toEqual({
      ok: true,
      value: text.replace("k?v=1", "k?v=1&s").replaceAll("0.ts", "0.ts?s"),
    });
    expect(signed).toEqual([
      { path: "/film/360p/k", query: "v=1", purpose: "key", class: "", expiry: expect.any(Number) },
      { path: "/film/360p/0.ts", query: "", purpose: "segment", class: "", expiry: expect.any(Number) },
    ]);
    expect(signed.every(({ expiry }) => expiry > now && expiry < now + 1000)).toBe(true);
  });

  it("waits for signatures, at most 64 at a time", async () => {
    let waiting = 0;
    let most = 0;
    const sign = async ({ path }: UrlToSign) => {
      most = Math.max(most, ++waiting);
      await Promise.resolve();
      waiting--;
      return { uri: `https://cdn.example.com${path}` };
    };
    const rewritten = await rewritePlaylist(film(200), { ...place, sign, now });
    expect(rewritten).toMatchObject({
      ok: true,
      value: expect.stringContaining("https://cdn.example.com/film/360p/199.ts\n"),
    });
    expect(most).toBe(64);
  });

  it("refuses a URI of a host that is not allowed, and passes one that is", async () => {
    const text = film(1).replace("0.ts", "https://other.example.com/0.ts");
    const options = { ...place, sign: () => ({ query: "s" }), now };
    expect(await rewritePlaylist(text, options)).toMatchObject({ ok: false, refusal: { code: "uri_foreign" } });
    const hosts = { mediaHost: "media.example.com", allowedHosts: ["other.example.com"] };
    expect(await rewritePlaylist(text, { ...options, ...hosts })).toEqual({ ok: true, value: text });
  });

  it("signs a URL of the media host even if an allowed host covers it", async () => {
    const text = film(1).replace("0.ts", "https://media.example.com/film/360p/0.ts");
    const hosts = { mediaHost: "media.example.com", allowedHosts: ["*.example.com"] };
    const rewritten = await rewritePlaylist(text, { ...place, sign: () => ({ query: "s" }), now, ...hosts });
    expect(rewritten).toEqual({ ok: true, value: film(1).replace("0.ts", "0.ts?s") });
  });

  it("throws for allowed hosts without the media host, whose URLs they could leave unsigned", async () => {
    const options = { ...place, sign: () => ({ query: "s" }), now, allowedHosts: ["*.example.com"] };
    await expect(rewritePlaylist(film(1), options)).rejects.toThrow(
      /^mediaHost is missing.*allowedHosts \(\*\.example\.com\)/,
    );
  });

  it("leaves out a rendition that players read in different ways, and says which", async () => {
    const doubtful = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="x",URI="c.m3u8",URI="//evil.example/c.m3u8"\n';
    const rest = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="b"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="g"\nv.m3u8\n';
    const calls: (readonly OmittedRendition[])[] = [];
    const options = {
      ...{ ...place, sign: () => ({ query: "s" }), now },
      onLeftOut: (leftOut: readonly OmittedRendition[]) => calls.push(leftOut),
    };
    const rewritten = await rewritePlaylist(`#EXTM3U\n${doubtful}#\n${doubtful}${rest}`, options);
    expect(rewritten).toEqual({ ok: true, value: `#EXTM3U\n#\n${rest.replace("v.m3u8", "v.m3u8?s")}` });
    expect(calls).toEqual([
      [
        { line: 2, reason: expect.stringMatching(/^EXT-X-MEDIA: /) },
        { line: 4, reason: expect.stringMatching(/^EXT-X-MEDIA: /) },
      ],
    ]);
    expect(JSON.stringify(calls)).not.toContain("evil");
    await rewritePlaylist(film(1), options);
    expect(calls).toHaveLength(1);
  });

  it("refuses a text that is no playlist", async () => {
    const options = { ...place, sign: () => ({ query: "s" }), now };
    expect(await rewritePlaylist("<html>", options)).toMatchObject({
      ok: false,
      refusal: { code: "playlist_invalid" },
    });
  });

  it.each([
    "null",
    "{}",
    '{"query":""}',
    '{"query":"a b"}',
    '{"query":"a\\nb"}',
    '{"uri":"a\\"b"}',
    '{"uri":""}',
    '{"query":"s","uri":"https://a.example/0"}',
    '{"query":"s","uri":"a\\nb"}',
    '{"uri":"{$v}"}',
  ])("throws if the signer returns %s: the URI would leave unsigned, or end its line", async (json) => {
    const sign = () => JSON.parse(json);
    await expect(rewritePlaylist(film(1), { ...place, sign, now })).rejects.toThrow(
      "sign must return a query or a URI",
    );
  });

  it("throws what the signer throws", async () => {
    const sign = () => Promise.reject(new Error("no key"));
    await expect(rewritePlaylist(film(1), { ...place, sign, now })).rejects.toThrow("no key");
  });

  it.each([
    [{ path: "/other/index.m3u8", prefix: "/film/" }, "path begins with prefix"],
    [{ path: "/film/index.m3u8", prefix: "/film" }, "prefix begins and ends with a slash"],
  ])("throws for the location %j", async (location, message) => {
    await expect(rewritePlaylist(film(1), { ...location, sign: () => ({ query: "" }), now })).rejects.toThrow(message);
  });
});

describe("renderPlaylist", () => {
  it("gives the same bytes within a step, and later expiries in the next one", async () => {
    const compiled = compilePlaylist(film(3), place);
    if (!compiled.ok) throw new Error("the film is invalid");
    const at = async (time: number) =>
      (await renderPlaylist(compiled.value, { sign: ({ expiry }) => ({ query: `e=${expiry}` }), now: time })).text;
    expect(await at(now + 1)).toBe(await at(now + 9));
    expect(await at(now + 31)).not.toBe(await at(now + 1));
  });

  it("keeps the URL of an announced part if it gets the expiries of the version before", async () => {
    const live = (part: string) =>
      `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3\n#EXTINF:4,\n0.ts\n${part}\n`;
    const sign = ({ expiry }: UrlToSign) => ({ query: `e=${expiry}` });
    const render = async (text: string, time: number, previous?: ReadonlyMap<string, number>) => {
      const compiled = compilePlaylist(text, place);
      if (!compiled.ok) throw new Error(compiled.refusal.reason);
      return renderPlaylist(compiled.value, { sign, now: time, ...(previous && { previous }) });
    };
    const hint = await render(live('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1.0.ts"'), now + 19);
    const announced = /1\.0\.ts\?e=\d+/.exec(hint.text)?.[0];
    expect(announced).toBeDefined();
    const part = live('#EXT-X-PART:DURATION=1,URI="1.0.ts"');
    expect((await render(part, now + 21, hint.expiries)).text).toContain(announced);
    expect((await render(part, now + 21)).text).not.toContain(announced);
  });

  it("refuses an object that compilePlaylist did not return", async () => {
    const forged = { kind: "media", live: false, urls: [], leftOut: [], variables: new Map(), template: {} } as const;
    await expect(renderPlaylist(forged, { sign: () => ({ query: "" }) })).rejects.toThrow(
      "not a result of compilePlaylist",
    );
  });
});
