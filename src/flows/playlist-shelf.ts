import type { UnixSeconds } from "../base/seconds.ts";
import type { PlaylistTemplate } from "../playlist/template.ts";

/** A version of an origin's playlist as an isolate keeps it. */
export interface ShelvedPlaylist {
  readonly text: string;
  readonly template: PlaylistTemplate;
  readonly etag: string | undefined;
  /** When the origin last said that this is the version. */
  checkedAt: UnixSeconds;
}

/** What an isolate keeps of playlists, the least recently used leaving first. Values only, never a promise. */
export interface PlaylistShelf {
  get(key: string): ShelvedPlaylist | undefined;
  put(key: string, playlist: ShelvedPlaylist): void;
}

/** A shelf for playlists of `capacity` characters together: an isolate has 128 MB, and a playlist may have 4. */
export function playlistShelf(capacity: number): PlaylistShelf {
  const shelved = new Map<string, ShelvedPlaylist>();
  let size = 0;
  const remove = (key: string, playlist: ShelvedPlaylist) => {
    shelved.delete(key);
    size -= weight(playlist);
  };
  return {
    get(key) {
      const playlist = shelved.get(key);
      if (playlist === undefined) return undefined;
      shelved.delete(key);
      shelved.set(key, playlist);
      return playlist;
    },
    put(key, playlist) {
      const before = shelved.get(key);
      if (before !== undefined) remove(key, before);
      shelved.set(key, playlist);
      size += weight(playlist);
      for (const [oldest, old] of shelved) {
        if (size <= capacity || oldest === key) break;
        remove(oldest, old);
      }
    },
  };
}

/** The text, and about as much again for what was made of it. */
function weight({ text }: ShelvedPlaylist): number {
  return 2 * text.length + 512;
}
