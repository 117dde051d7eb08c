import { makeRoom, WeighedMap } from "../base/bounded-map.ts";
import type { Seconds, UnixMilliseconds, UnixSeconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import type { PlaylistContext } from "../playlist/compile.ts";
import type { Progress } from "../playlist/progress.ts";
import type { SharedPlaylist } from "../playlist/render.ts";
import type { PlaylistTemplate } from "../playlist/template.ts";

/** A version of an origin's playlist. */
export interface PlaylistVersion {
  readonly text: string;
  /** Whether it imports variables from the multivariant playlist. */
  readonly imports: boolean;
  readonly progress: Progress;
  etag: string | undefined;
  /** The origin's redirect when this version arrived; it was compiled for that location. */
  readonly location?: string | undefined;
  /** When the origin last confirmed this version, and until when it needs no check. */
  checkedAt: UnixMilliseconds;
  freshUntil: UnixMilliseconds;
  /** Until when one request checks it and the others do not. */
  checkingUntil?: UnixMilliseconds;
}

/** An asset of the catalog, and the variables that a version imports. */
export interface Circumstances {
  readonly asset: Asset;
  readonly imported: ReadonlyMap<string, string> | undefined;
}

/** The template of a version and its current renderings. */
export interface CompiledPlaylist {
  readonly template: PlaylistTemplate;
  /** What it was compiled from, for its quality classes. */
  readonly text: string;
  readonly settings: PlaylistContext;
  /** A fingerprint of everything that it was compiled from, except the text. */
  readonly madeFor: string;
  /** The part of that which can change while an isolate runs, as it was at the last comparison. */
  seenWith: Circumstances;
  readonly renderings: Renderings;
  /** The playlists of variants that a quality class leaves out, in the version for the class. */
  readonly gone?: ReadonlySet<string> | undefined;
  /** The same version without what a quality class leaves out. */
  readonly classes: Map<string, CompiledPlaylist>;
}

export interface ShelvedPlaylist {
  readonly version: PlaylistVersion;
  readonly compiled: CompiledPlaylist;
}

/**
 * Keeps an isolate's playlists and renderings within a memory limit; an isolate has 128 MB. It stores values and never
 * a promise (see `base/concurrency.ts`).
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

  /** Adds a rendering to a playlist, unless that was removed or has another version by now. */
  addRendering(
    key: string,
    { compiled, whole = compiled }: { readonly compiled: CompiledPlaylist; readonly whole?: CompiledPlaylist },
    rendering: { readonly name: RenderingName; readonly playlist: RenderedPlaylist; readonly expiryStep: Seconds },
  ): void {
    const shelved = this.#playlists.get(key);
    if (shelved?.compiled !== whole) return;
    compiled.renderings.put(rendering.name, rendering.playlist, rendering.expiryStep);
    this.put(key, shelved);
  }

  /** Keeps what a version is for a quality class; it goes with the version. */
  addClass(
    key: string,
    whole: CompiledPlaylist,
    { qualityClass, compiled }: { readonly qualityClass: string; readonly compiled: CompiledPlaylist },
  ): void {
    whole.classes.delete(qualityClass);
    makeRoom(whole.classes, mostClasses);
    whole.classes.set(qualityClass, compiled);
    const shelved = this.#playlists.get(key);
    if (shelved?.compiled === whole) this.put(key, shelved);
  }

  /** The expiries for the next version of a playlist (see `givenBy`), by its name without delivery directives. */
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

/** The most quality classes of a version. Plans are few; a class beyond is compiled again. */
const mostClasses = 8;

/** The share of the memory for these expiries: they are small. */
const shareOfGiven = 1 / 16;

/** Two bytes per character of the text, and the template's objects as V8 allocates them. */
function weightOf({ version, compiled }: ShelvedPlaylist): number {
  let weight = 2 * version.text.length + 2048 + compiledWeight(compiled);
  for (const ofClass of compiled.classes.values()) weight += compiledWeight(ofClass);
  return weight;
}

function compiledWeight({ template, madeFor, renderings }: CompiledPlaylist): number {
  const { literals, holes, targets } = template;
  let weight = madeFor.length;
  weight += 40 * literals.length + 64 * holes.length + 160 * targets.length;
  for (const { path, query } of targets) weight += path.length + query.length;
  return weight + renderings.weight;
}

/**
 * A playlist as all viewers of a step share it. Complete as a Blob, which a response uses without copying it per
 * viewer; or with holes for the URLs of other playlists.
 */
export type RenderedPlaylist = Blob | SharedPlaylist;

/**
 * Identifies a rendering of a version: `step` is the start of its step, `variant` everything else that its signatures
 * depend on.
 */
interface RenderingName {
  readonly step: UnixSeconds;
  readonly variant: string;
}

interface Rendering {
  readonly step: UnixSeconds;
  readonly playlist: RenderedPlaylist;
}

/** Per version: two steps with two keys, and as many more for CloudFront's sessions with different expiries. */
const mostRenderings = 8;

/** The latest renderings of one version of a playlist. */
export class Renderings {
  readonly #kept = new Map<string, Rendering>();
  /** Approximate bytes of memory. */
  weight = 0;

  get(name: RenderingName): RenderedPlaylist | undefined {
    return this.#kept.get(keyOf(name))?.playlist;
  }

  /**
   * Adds a rendering of the current step. Renderings before the previous step are removed, and the oldest if there are
   * too many.
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

/** A text with holes is a tree of its pieces, which needs several bytes per character. */
function renderingWeight(playlist: RenderedPlaylist): number {
  if (playlist instanceof Blob) return playlist.size + 512;
  let weight = 512 + 300 * playlist.open.length;
  for (const text of playlist.texts) weight += 5 * text.length;
  return weight;
}
