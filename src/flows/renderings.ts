import type { Seconds, UnixSeconds } from "../base/seconds.ts";
import type { SharedPlaylist } from "../playlist/render.ts";

/**
 * A playlist as all viewers of a step share it: whole, as a Blob, since a response takes one over as it is and copies
 * anything else for every viewer; or with the URLs of other playlists still open.
 */
export type RenderedPlaylist = Blob | SharedPlaylist;

/** Which rendering of a version: `step` is when its step began, `variant` all else that it was signed by and for. */
export interface RenderingName {
  readonly step: UnixSeconds;
  readonly variant: string;
}

interface Rendering {
  readonly step: UnixSeconds;
  readonly playlist: RenderedPlaylist;
}

/** Of one version: two steps with two keys, and as many more for CloudFront's sessions that end at other times. */
const mostRenderings = 8;

/** What was rendered lately of one version of a playlist. */
export class Renderings {
  readonly #kept = new Map<string, Rendering>();
  /** In bytes of memory, about. */
  weight = 0;

  get(name: RenderingName): RenderedPlaylist | undefined {
    return this.#kept.get(keyOf(name))?.playlist;
  }

  /**
   * Keeps one of the step that is on. Of those before it only the last step's stay, for requests that are on their way,
   * and the oldest go where there are too many.
   */
  put(name: RenderingName, playlist: RenderedPlaylist, expiryStep: Seconds): void {
    this.#remove(keyOf(name));
    for (const [key, { step }] of this.#kept) {
      if (step < name.step - expiryStep || this.#kept.size >= mostRenderings) this.#remove(key);
    }
    this.#kept.set(keyOf(name), { step: name.step, playlist });
    this.weight += weightOf(playlist);
  }

  #remove(key: string): void {
    const rendering = this.#kept.get(key);
    if (rendering === undefined) return;
    this.#kept.delete(key);
    this.weight -= weightOf(rendering.playlist);
  }
}

function keyOf({ step, variant }: RenderingName): string {
  return `${step} ${variant}`;
}

/** A text with holes is a tree of the pieces that it was put together from, which weighs several times its characters. */
function weightOf(playlist: RenderedPlaylist): number {
  if (playlist instanceof Blob) return playlist.size + 512;
  let weight = 512 + 300 * playlist.open.length;
  for (const text of playlist.texts) weight += 5 * text.length;
  return weight;
}
