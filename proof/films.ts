import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Miniflare } from "miniflare";
import { projectRoot } from "../cli/lib/project.ts";
import { readFilm, segmentOf } from "../fixtures/live/film.ts";
import { contentTypeOf } from "../src/origin/file-response.ts";

const source = join(projectRoot, "fixtures/media/vod-fmp4");
const renditions = ["180p", "360p"] as const;

/** The number of segments of a film, more than any player buffers at once. */
const segments = 30;
const segmentSeconds = 4;
export const filmSeconds = segments * segmentSeconds;

/** Files made from the fixtures, by their path on the media host. */
export type Files = ReadonlyMap<string, Buffer>;

/**
 * Two streams of two minutes, made from a fixture of 24 s that repeats: `film` has a media playlist as its entry,
 * `film-variants` has two variants.
 */
export function films(): Files {
  const files = new Map<string, Buffer>();
  for (const rendition of renditions) {
    const folder = join(source, rendition);
    const film = readFilm(readFileSync(join(folder, "index.m3u8"), "utf8"), readFileSync(join(folder, "film.mp4")));
    const folders = rendition === "180p" ? ["film", "film-variants/180p"] : [`film-variants/${rendition}`];
    for (const target of folders) {
      files.set(`${target}/index.m3u8`, Buffer.from(mediaPlaylist()));
      files.set(`${target}/init.mp4`, Buffer.from(film.init));
    }
    for (let number = 0; number < segments; number++) {
      const bytes = Buffer.from(segmentOf(film, number));
      for (const target of folders) files.set(`${target}/${number}.m4s`, bytes);
    }
  }
  const entry = readFileSync(join(source, "index.m3u8"), "utf8");
  files.set("film-variants/index.m3u8", Buffer.from(entry.replace(/^#EXT-X-I-FRAME.*\n/gm, "")));
  return files;
}

function mediaPlaylist(): string {
  const head = ["#EXTM3U", "#EXT-X-VERSION:7", `#EXT-X-TARGETDURATION:${segmentSeconds}`, "#EXT-X-PLAYLIST-TYPE:VOD"];
  const body = Array.from({ length: segments }, (_, number) => [`#EXTINF:${segmentSeconds}.0,`, `${number}.m4s`]);
  return [...head, '#EXT-X-MAP:URI="init.mp4"', ...body.flat(), "#EXT-X-ENDLIST", ""].join("\n");
}

/** Adds the films to the simulated bucket and to the catalog. */
export async function seedFilms(miniflare: Miniflare, files: Files): Promise<void> {
  const bucket = await miniflare.getR2Bucket("MEDIA", "stagedoor-edge");
  for (const [key, bytes] of files)
    await bucket.put(key, bytes, { httpMetadata: { contentType: contentTypeOf(key, undefined) } });
  const store = await miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  const catalog = Object(JSON.parse((await store.get("catalog", "text")) ?? "{}"));
  const assets = ["film", "film-variants"].map((id) => ({
    id,
    title: id,
    origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` },
    entry: "index.m3u8",
  }));
  // No asset has a session length of its own, so only the setting counts.
  const fixtures = catalog.assets.map(({ session: _, ...asset }: { readonly session?: unknown }) => asset);
  await store.put("catalog", JSON.stringify({ ...catalog, assets: [...fixtures, ...assets] }));
}
