import { WeighedMap } from "../base/bounded-map.ts";
import type { Seconds, UnixMilliseconds, UnixSeconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import type { Progress } from "../playlist/progress.ts";
import type { SharedPlaylist } from "../playlist/render.ts";
import type { PlaylistTemplate } from "../playlist/template.ts";

/** A version of an origin's playlist. */
export interface PlaylistVersion {
  readonly text: string;
  /** Whether it takes variables from the multivariant playlist. */
  readonly imports: boolean;
  readonly progress: Progress;
  etag: string | undefined;
  /** Where the origin redirected to when this version came: what it was compiled for. */
  readonly location?: string | undefined;
  /** When the origin last said that this is the version, and until when nobody asks again. */
  checkedAt: UnixMilliseconds;
  freshUntil: UnixMilliseconds;
  /** Until when the others leave it to one request to ask again. */
  checkingUntil?: UnixMilliseconds;
}

/** An asset of the catalog, and the variables that a version takes from its multivariant playlist. */
export interface Circumstances {
  readonly asset: Asset;
  readonly imported: ReadonlyMap<string, string> | undefined;
}

/** What was made of a version: the template and, as long as that is good, what was rendered of it. */
export interface CompiledPlaylist {
  readonly template: PlaylistTemplate;
  /** Everything that it was compiled from beside the text, as one text to compare. */
  readonly madeFor: string;
  /** What of that can change while an isolate runs, as it was when the two were last compared. */
  seenWith: Circumstances;
  readonly renderings: Renderings;
}

export interface ShelvedPlaylist {
  readonly version: PlaylistVersion;
  readonly compiled: CompiledPlaylist;
}

/**
 * What an isolate keeps of playlists and of what was made of them, within so many bytes: an isolate has 128 MB. Values
 * only, never a promise, which workerd lets no other request wait for.
 */
export class PlaylistShelf {
  readonly #playlists: WeighedMap<ShelvedPlaylist>;
  readonly #given: WeighedMap<ReadonlyMap<string, UnixSeconds>>;

  constructor(capacity: number) {
    this.#playlists = new WeighedMap(capacity * (1 - shareOfGiven));
    this.#given = new WeighedMap(capacity * shareOfGiven);
  }

  get(key: string): ShelvedPlaylist | undefined {
    return this.#playlists.get(key);
  }

  put(key: string, shelved: ShelvedPlaylist): void {
    this.#playlists.put(key, shelved, key.length + weightOf(shelved));
  }

  remove(key: string): void {
    this.#playlists.delete(key);
  }

  /** Adds a rendering to a playlist, unless that has left meanwhile, or has another version. */
  addRendering(
    key: string,
    compiled: CompiledPlaylist,
    rendering: { readonly name: RenderingName; readonly playlist: RenderedPlaylist; readonly expiryStep: Seconds },
  ): void {
    const shelved = this.#playlists.get(key);
    if (shelved?.compiled !== compiled) return;
    compiled.renderings.put(rendering.name, rendering.playlist, rendering.expiryStep);
    this.put(key, shelved);
  }

  /** The expiries that go on to the next version of a playlist (see `givenBy`), by its name without delivery directives. */
  given(name: string): ReadonlyMap<string, UnixSeconds> | undefined {
    return this.#given.get(name);
  }

  give(name: string, expiries: ReadonlyMap<string, UnixSeconds>): void {
    let weight = 256;
    for (const url of expiries.keys()) weight += url.length + 96;
    if (expiries.size > 0) this.#given.put(name, expiries, weight);
    else this.#given.delete(name);
  }
}

/** Of the shelf, for the expiries that go on: little is kept of many playlists. */
const shareOfGiven = 1 / 16;

/** The text, where each character may take two bytes; and the objects of the template, as V8 lays them out. */
function weightOf({ version, compiled }: ShelvedPlaylist): number {
  const { template, madeFor, renderings } = compiled;
  const { literals, holes, targets } = template;
  let weight = 2 * version.text.length + madeFor.length + 2048;
  weight += 40 * literals.length + 64 * holes.length + 160 * targets.length;
  for (const { path, query } of targets) weight += path.length + query.length;
  return weight + renderings.weight;
}

/**
 * A playlist as all viewers of a step share it: whole, as a Blob, since a response takes one over as it is and copies
 * anything else for every viewer; or with the URLs of other playlists still open.
 */
export type RenderedPlaylist = Blob | SharedPlaylist;

/** Which rendering of a version: `step` is when its step began, `variant` all else that it was signed by and for. */
interface RenderingName {
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
    this.weight += renderingWeight(playlist);
  }

  #remove(key: string): void {
    const rendering = this.#kept.get(key);
    if (rendering === undefined) return;
    this.#kept.delete(key);
    this.weight -= renderingWeight(rendering.playlist);
  }
}

function keyOf({ step, variant }: RenderingName): string {
  return `${step} ${variant}`;
}

/** A text with holes is a tree of the pieces that it was put together from, which weighs several times its characters. */
function renderingWeight(playlist: RenderedPlaylist): number {
  if (playlist instanceof Blob) return playlist.size + 512;
  let weight = 512 + 300 * playlist.open.length;
  for (const text of playlist.texts) weight += 5 * text.length;
  return weight;
}
