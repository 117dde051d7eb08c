import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, inject, it } from "vitest";
import { startStream, tokenFor } from "../cluster/start-stream.ts";

const cluster = inject("usual");
const run = promisify(execFile);
const page = readFileSync("docs/players/files.md", "utf8");
const example = (language: string) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";
const fixture = (path: string) => new Uint8Array(readFileSync(`fixtures/media/vod-ts/${path}`));

async function open(asset: string, ...files: readonly unknown[]) {
  const response = await fetch(`${cluster.apiUrl}/files`, {
    method: "POST",
    headers: { Authorization: `Bearer ${await tokenFor(cluster)}`, "Content-Type": "application/json" },
    body: JSON.stringify({ asset, files }),
  });
  const body = Object(await response.json());
  const urls: readonly string[] = (body.files ?? []).map(({ url }: { url: string }) => url);
  return { status: response.status, body, urls, url: urls[0] ?? "" };
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

const refusalOf = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.headers.get("Stagedoor-Refusal");
};

describe("docs/players/files.md", () => {
  it("has a curl command that opens a poster and a download", async () => {
    const environment = { ...process.env, API: cluster.apiUrl, TOKEN: await tokenFor(cluster) };
    const { stdout } = await run("sh", ["-c", example("sh")], { env: environment });
    const { files } = JSON.parse(stdout);
    const [poster, film] = await Promise.all(files.map(({ url }: { url: string }) => fetch(url)));
    expect(await bytesOf(poster)).toEqual(fixture("poster.jpg"));
    expect(film.headers.get("Content-Disposition")).toBe(
      "attachment; filename=\"My film.mp4\"; filename*=UTF-8''My%20film.mp4",
    );
    expect(await bytesOf(film)).toEqual(fixture("downloads/film.mp4"));
  });

  it("names the asset and the files that a clone has", () => {
    const { assets } = JSON.parse(readFileSync("fixtures/catalog.json", "utf8"));
    expect(assets).toContainEqual(JSON.parse(example("json")));
  });

  it("has JavaScript that finds the sprites of a thumbnail track", async () => {
    const source = `${example("js")}; return { poster, sprites };`;
    const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor;
    const { poster, sprites } = await new AsyncFunction("api", "token", source)(
      cluster.apiUrl,
      await tokenFor(cluster),
    );
    expect((await fetch(poster)).headers.get("Content-Type")).toBe("image/jpeg");
    expect(sprites).toHaveLength(6);
    expect(sprites[4].box).toEqual([160, 90, 160, 90]);
    expect(await bytesOf(await fetch(sprites[4].url))).toEqual(fixture("thumbs/sprite.jpg"));
  });
});

describe("a file that no playlist names", () => {
  it("has ranges, entity tags and HEAD, and chapters stay as they are", async () => {
    const { urls } = await open("vod-ts", "downloads/film.mp4", "chapters.vtt");
    const [film = "", chapters = ""] = urls;
    const head = await fetch(film, { method: "HEAD" });
    const length = fixture("downloads/film.mp4").length;
    expect([head.status, head.headers.get("Content-Length")]).toEqual([200, String(length)]);
    const etag = head.headers.get("ETag") ?? "";
    const whole = await fetch(film);
    expect([whole.headers.get("Content-Length"), await bytesOf(whole)]).toEqual([
      String(length),
      fixture("downloads/film.mp4"),
    ]);
    const part = await fetch(film, { headers: { Range: "bytes=100000-100009", "If-Range": etag } });
    expect([part.status, await bytesOf(part)]).toEqual([206, fixture("downloads/film.mp4").subarray(100_000, 100_010)]);
    expect((await fetch(film, { headers: { "If-None-Match": etag } })).status).toBe(304);
    expect((await fetch(film, { headers: { Range: `bytes=${length}-` } })).status).toBe(416);
    expect(await bytesOf(await fetch(chapters))).toEqual(fixture("chapters.vtt"));
  });

  it("is opened neither by a stream's grant nor as a segment, and opens none", async () => {
    const { url } = await open("vod-ts", "poster.jpg");
    const { manifestUrl } = await startStream(cluster, "vod-ts");
    const [ofFiles, ofStream] = [url, manifestUrl].map((text) => new URL(text).pathname.split("/")[1] ?? "");
    expect(await refusalOf(url.replace(ofFiles ?? "", ofStream ?? ""))).toBe("signature_invalid");
    expect(await refusalOf(url.replace("file=", "seg="))).toBe("signature_invalid");
    expect(await refusalOf(manifestUrl.replace(ofStream ?? "", ofFiles ?? ""))).toBe("signature_invalid");
    expect(await refusalOf(url.replace("poster.jpg", "index.m3u8"))).toBe("signature_invalid");
  });

  it("is refused by POST /files if the globs do not allow it", async () => {
    const refused = await open("vod-ts", "poster.jpg", "index.m3u8");
    expect([refused.status, refused.body.code, refused.body.faults]).toEqual([
      403,
      "file_forbidden",
      ["files[1]: The asset's files do not include this path."],
    ]);
  });

  it("of a CloudFront asset is redirected to a URL with CloudFront's signature", async () => {
    const { urls } = await open("vod-cloudfront", "poster.jpg", "thumbs/thumbs.vtt");
    const [poster = "", track = ""] = urls;
    const redirect = await fetch(poster, { redirect: "manual" });
    const location = redirect.headers.get("Location") ?? "";
    expect([redirect.status, location]).toEqual([
      307,
      expect.stringMatching(/\/vod-cloudfront\/poster\.jpg\?Expires=.*Key-Pair-Id=/),
    ]);
    expect((await fetch(location)).headers.get("Content-Type")).toBe("image/jpeg");
    const [, sprite = ""] = /^(\S+)#xywh/m.exec(await (await fetch(track)).text()) ?? [];
    expect((await fetch(new URL(sprite, track))).headers.get("Content-Type")).toBe("image/jpeg");
    const named = await open("vod-cloudfront", { path: "poster.jpg", download: "a.jpg" });
    expect([named.status, named.body.faults]).toEqual([400, [expect.stringContaining("files[0].download")]]);
  });
});
