import { seconds, type UnixSeconds } from "../base/time.ts";
import { relativeReference } from "./reference.ts";
import type { Hole, PlaylistTemplate, Target } from "./template.ts";

/**
 * A signed target: the query after the reference and the origin's own query, or a whole URI that replaces it (another
 * CDN's).
 */
type Signed = { readonly query: string } | { readonly uri: string };

/** Signs a distinct URL of a playlist. */
export type SignTarget = (target: Target, expiry: UnixSeconds) => Signed;

/** Signs the URL of another playlist for one viewer. */
export type SignPlaylist = (target: Target) => Signed;

/** A rendered playlist with holes only for the URLs of other playlists. All viewers of a step share it. */
export interface SharedPlaylist {
  /** One more than `open`. */
  readonly texts: readonly string[];
  readonly open: readonly OpenUri[];
  /** The distinct playlists of `open`. */
  readonly targets: readonly Target[];
}

interface OpenUri {
  readonly target: number;
  readonly reference: string;
}

/**
 * Renders everything except the URLs of other playlists, which are bound to a viewer. `expiries` are in the order of
 * the template's targets. `sign` is called once per distinct URL.
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

/** The playlist for one viewer. `sign` is called once per distinct playlist. */
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

/** The compiler makes the indices, so a missing element is a bug there. */
function at<Element>(elements: readonly Element[], index: number): Element {
  const element = elements[index];
  if (element === undefined) throw new RangeError(`a template without its element ${index}`);
  return element;
}

/** BANDWIDTH is required. The default is a common rate for 720p, so that no player considers it too high. */
const unknownBandwidth = 2_000_000;

/**
 * A multivariant playlist (RFC 8216bis §4.4.6) around an entry that is a media playlist. Its one variant has a URL that
 * lives as long as the session; the entry's own URL lives for minutes. It is served under the entry's path, so the
 * variant is that path's last name. `entry` is its canonical path and origin query.
 *
 * EXT-X-VERSION and EXT-X-INDEPENDENT-SEGMENTS are the media playlist's: in a multivariant playlist they apply to all
 * renditions, and here there is one.
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
    targets: [{ purpose: "playlist", path, query, lifetime: none, reusable: false, minimum: none, roundTo: none }],
  };
}
