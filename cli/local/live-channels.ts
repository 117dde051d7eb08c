import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Channel } from "../../fixtures/live/answer.ts";
import { renditionsOf } from "../../fixtures/live/entry.ts";
import { readFilm } from "../../fixtures/live/film.ts";
import { liveStreams } from "../../fixtures/live/stream.ts";
import { projectRoot } from "../project.ts";

const mediaFolder = join(projectRoot, "fixtures/media");

/** The live streams by name, with the films under `fixtures/media` that they are cut out of. */
export function readChannels(): ReadonlyMap<string, Channel> {
  return new Map(
    [...liveStreams].map(([name, stream]) => {
      const folder = join(mediaFolder, stream.film);
      const entry = readFileSync(join(folder, "index.m3u8"), "utf8");
      const films = renditionsOf(entry).map((rendition) => {
        const playlist = readFileSync(join(folder, rendition, "index.m3u8"), "utf8");
        return [rendition, readFilm(playlist, readFileSync(join(folder, rendition, "film.mp4")))] as const;
      });
      return [name, { stream, entry, films: new Map(films) }];
    }),
  );
}
