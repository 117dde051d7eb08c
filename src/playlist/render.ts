import { seconds, type UnixSeconds } from "../base/time.ts";
import { relativeReference } from "./reference.ts";
import type { Hole, PlaylistTemplate, Target } from "./template.ts";

/**
 * What a signer makes of a target: the query to put behind the reference and the origin's own query, or a whole URI to
 * write in its place (another CDN's).
 */
type Signed = { readonly query: string } | { readonly uri: string };

/** Signs one distinct URL of a playlist. */
export type SignTarget = (target: Target, expiry: UnixSeconds) => Signed;

/** Signs the URL of another playlist for one viewer. */
export type SignPlaylist = (target: Target) => Signed;

/** A playlist in which only the URLs of other playlists are open: what all viewers of a step share. */
export interface SharedPlaylist {
  /** One more than `open`. */
  readonly texts: readonly string[];
  readonly open: readonly OpenUri[];
  /** The distinct playlists that `open` points to. */
  readonly targets: readonly Target[];
}

interface OpenUri {
  readonly target: number;
  readonly reference: string;
}

/**
 * Writes everything but the URLs of other playlists, which are bound to a viewer. `expiries` are those of the template's
 * targets, in their order. `sign` is called once a distinct URL, not once a use.
 */
export function renderShared(
  template: PlaylistTemplate,
  expiries: readonly UnixSeconds[],
  sign: SignTarget,
): SharedPlaylist {
  const signed = new Array<Signed | undefined>(template.targets.length);
  const openTargets: Target[] = [];
  const openIndex = new Int32Array(template.targets.length);
  for (let i = 0; i < template.targets.length; i++) {
    const target = at(template.targets, i);
    if (target.purpose === "playlist") openIndex[i] = openTargets.push(target) - 1;
    else signed[i] = sign(target, at(expiries, i));
  }
  const texts: string[] = [];
  const open: OpenUri[] = [];
  let text = at(template.literals, 0);
  for (let i = 0; i < template.holes.length; i++) {
    const hole = at(template.holes, i);
    const made = signed[hole.target];
    if (made !== undefined) text += uriOf(hole, at(template.targets, hole.target), made);
    else {
      texts.push(text);
      open.push({ target: openIndex[hole.target] ?? 0, reference: hole.reference });
      text = "";
    }
    text += at(template.literals, i + 1);
  }
  texts.push(text);
  return { texts, open, targets: openTargets };
}

/** The playlist for one viewer. `sign` is called once a distinct playlist. */
export function fillPlaylist(shared: SharedPlaylist, sign: SignPlaylist): string {
  if (shared.open.length === 0) return at(shared.texts, 0);
  const signed = shared.targets.map(sign);
  let text = at(shared.texts, 0);
  for (let i = 0; i < shared.open.length; i++) {
    const hole = at(shared.open, i);
    text += uriOf(hole, at(shared.targets, hole.target), at(signed, hole.target)) + at(shared.texts, i + 1);
  }
  return text;
}

function uriOf(hole: Hole, target: Target, signed: Signed): string {
  if ("uri" in signed) return signed.uri;
  return target.query === ""
    ? `${hole.reference}?${signed.query}`
    : `${hole.reference}?${target.query}&${signed.query}`;
}

/** Indices are made by the compiler, so a missing element is a bug there. */
function at<Element>(elements: readonly Element[], index: number): Element {
  const element = elements[index];
  if (element === undefined) throw new RangeError(`a template without its element ${index}`);
  return element;
}

/** BANDWIDTH is required. Where nothing tells it: a common rate for 720p, so that no player thinks it out of reach. */
const unknownBandwidth = 2_000_000;

/**
 * The multivariant playlist (RFC 8216bis §4.4.6) around an entry that is itself a media playlist: one variant, whose URL
 * lives with the session where the entry's lives for minutes. It is asked for under the entry's own path, so the variant
 * is that path's last name; `entry` holds its canonical plain path and origin query.
 *
 * EXT-X-VERSION and EXT-X-INDEPENDENT-SEGMENTS are those of the media playlist: in a multivariant one they speak for all
 * of its renditions, and here there is one.
 */
export function wrapMediaPlaylist(
  media: PlaylistTemplate,
  entry: { readonly path: string; readonly query: string },
): SharedPlaylist {
  const { version, independentSegments, bandwidth } = media.traits;
  const head = [
    "#EXTM3U",
    ...(version === undefined ? [] : [`#EXT-X-VERSION:${version}`]),
    ...(independentSegments ? ["#EXT-X-INDEPENDENT-SEGMENTS"] : []),
    `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth ?? unknownBandwidth}`,
    "",
  ];
  const { path, query } = entry;
  const none = seconds(0);
  return {
    texts: [head.join("\n"), "\n"],
    open: [{ target: 0, reference: relativeReference(path, path) }],
    targets: [{ purpose: "playlist", path, query, lifetime: none, carried: false, minimum: none, grid: none }],
  };
}
