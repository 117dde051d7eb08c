import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/encoding.ts";
import { seconds, systemTimer } from "../../../src/base/time.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import type { FileRequest } from "../../../src/edge/deliver-file.ts";
import { guardFiles } from "../../../src/edge/guard-file.ts";
import { serveFile } from "../../../src/edge/serve-file.ts";
import { downloadQuery } from "../../../src/signing/download-name.ts";
import { catalog, client, grantIssuer, grantOf, keyOf, now, preparedKeys, signedTarget } from "../signing/session.ts";
import { stage } from "./deliver-stage.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
const grant = grantOf(key, { use: "files" });
const cue = (line: string) => `WEBVTT\n\n00:00.000 --> 00:04.000\n${line}\n`;

const access = (target: string) => {
  const checked = checkMediaRequest(target, { keys, catalog, grantIssuer, client, now });
  if (checked.verdict !== "passed") throw new Error(`the URL is ${JSON.stringify(checked)}`);
  return checked.access;
};

/** The response to a file URL of the film, whose thumbnail track is `track`. */
async function get(track: string, changes: Partial<FileRequest> = {}, query = "") {
  const { files, send } = stage();
  files.set("film/thumbs/t.vtt", { body: utf8(track), etag: '"t"' });
  const target = signedTarget(key, { purpose: "file", grant, path: "/film/thumbs/t.vtt", query });
  const checked = access(target);
  const context = {
    files: guardFiles({ deliver: (file) => send(file), clock: () => now, timer: systemTimer }),
    ...{ timer: systemTimer, now, waitUntil: () => undefined },
    ...{ mediaUrl: "https://media.example", pauseAllowance: seconds(300), expiryStep: seconds(30) },
  };
  const request = {
    asset: checked.asset,
    path: checked.rest,
    query: checked.query,
    remaining: seconds(60),
    cacheable: true,
  };
  const result = await serveFile(checked, { ...request, method: "GET", ...changes }, context);
  if (!result.ok) return { code: result.refusal.code, text: "", headers: new Headers() };
  return { code: result.value.status, text: await result.value.text(), headers: result.value.headers };
}

describe("a thumbnail track at the edge", () => {
  it("has sprites that the edge accepts with the track's own grant", async () => {
    const { text, headers } = await get(cue("hd/1.jpg#xywh=0,0,9,9"));
    const [, sprite = ""] = /^(\S+)#xywh=0,0,9,9$/m.exec(text) ?? [];
    const { pathname, search } = new URL(sprite, `https://media.example/${grant}/film/thumbs/t.vtt`);
    expect(access(pathname + search)).toMatchObject({ purpose: "file", rest: "thumbs/hd/1.jpg" });
    expect([headers.get("Content-Type"), headers.get("Cache-Control"), headers.get("ETag")]).toEqual([
      ...["text/vtt; charset=utf-8", "no-store", null],
    ]);
  });

  it("is whole, whatever range or entity tag is requested", async () => {
    const whole = await get(cue("1.jpg"));
    expect((await get(cue("1.jpg"), { range: "bytes=3-5" })).text).toBe(whole.text);
    expect(await get(cue("1.jpg"), { ifNoneMatch: '"t"' })).toMatchObject({ code: 200 });
    const head = await get(cue("1.jpg"), { method: "HEAD" });
    expect([head.text, head.headers.get("Content-Length")]).toEqual(["", String(whole.text.length)]);
  });

  it.each([
    ["a sprite that the globs do not allow", cue("1.png#xywh=0,0,1,1"), "file_forbidden"],
    ["a playlist as a sprite", cue("../index.m3u8#xywh=0,0,1,1"), "file_forbidden"],
    ["a key as a sprite", cue("../keys/0.key#xywh=0,0,1,1"), "file_forbidden"],
    ["a sprite without a canonical path", cue("a;b.jpg#xywh=0,0,1,1"), "file_forbidden"],
    ["a sprite on another host", cue("https://evil.example/1.jpg"), "uri_foreign"],
    ["a playlist for a track", "#EXTM3U\n", "file_forbidden"],
    ["text for a track", "1\n00:00 --> 00:01\nSubRip", "playlist_invalid"],
    ["16 bytes", "WEBVTT\n\n1234567\n", "file_forbidden"],
    ["more than 4 MiB", `WEBVTT\n${"x".repeat(4 * 1024 * 1024)}`, "playlist_too_large"],
  ])("is refused with %s", async (_, track, code) => {
    expect((await get(track)).code).toBe(code);
  });

  it.each(["1.png", "www.example.com/a.png", "a;b.jpg"])(
    "keeps a caption that the globs do not allow: %s",
    async (name) => {
      expect(await get(cue(name))).toMatchObject({ code: 200, text: cue(name) });
    },
  );

  it("can be a download with a name", async () => {
    const { headers } = await get(cue("1.jpg"), {}, downloadQuery("a.vtt"));
    expect(headers.get("Content-Disposition")).toBe("attachment; filename=\"a.vtt\"; filename*=UTF-8''a.vtt");
  });
});
