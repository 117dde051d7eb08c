import type { QualityCap } from "../base/quality.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { type Attribute, attributeList } from "./attributes.ts";
import { endsLinesWithCr, type Line, lineEnd, linesOf } from "./lines.ts";
import { type Place, resolve } from "./reference.ts";

type Tag = Line & { readonly kind: "tag" };

/** The attributes by which a variant names a group of renditions (RFC 8216bis §4.4.6.2); each is also their TYPE. */
const groupTypes = ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"] as const;

export interface RestrictedVariants {
  readonly text: string;
  /** The playlists of the variants that were left out and that no other variant names: `/film/1080p.m3u8?`. */
  readonly gone: ReadonlySet<string>;
}

/**
 * A multivariant playlist without the variants above a cap: their STREAM-INF and URI lines, I-frame and image variants above
 * it, groups that only they name, and renditions with the URI of such a variant. Content steering goes as well, because its
 * documents may name every variant. Other bytes stay.
 *
 * Audio alone stays, whatever its bandwidth. A video variant without a capped attribute goes, and so does one whose
 * attributes players could read in two ways: both might be above the cap. Without VIDEO-RANGE a variant is SDR.
 *
 * `quality_unavailable`: nothing is left.
 */
export function restrictVariants(
  text: string,
  cap: QualityCap,
  place: Place,
): Result<RestrictedVariants, Refusal<"quality_unavailable">> {
  const cut: Line[] = [];
  const renditions: { readonly line: Tag; readonly group: string; readonly uri: string | undefined }[] = [];
  const uris = { kept: new Set<string>(), gone: new Set<string>() };
  const [kept, gone] = [new Set<string>(), new Set<string>()];
  let variant: { readonly line: Tag; readonly stays: boolean } | undefined;
  for (const line of linesOf(text)) {
    if (line.kind === "uri") {
      // A URI without its tag is no variant that a cap could judge.
      const stays = variant?.stays === true;
      if (!stays) cut.push(line);
      (stays ? uris.kept : uris.gone).add(targetOf(text.slice(line.start, line.end), place));
      variant = undefined;
    }
    if (line.kind !== "tag") continue;
    const list = attributeList(text, line.value, line.end);
    const attributes = list.ok ? singles(text, list.value) : undefined;
    if (line.name === "#EXT-X-STREAM-INF") {
      // Two tags before one URI: players differ in which one counts.
      if (variant !== undefined) cut.push(variant.line);
      const stays = variant === undefined && attributes !== undefined && (isAudio(attributes) || fits(attributes, cap));
      variant = { line, stays };
      if (!stays) cut.push(line);
      for (const type of groupTypes) {
        const name = attributes?.get(type);
        if (name !== undefined) (stays ? kept : gone).add(`${type} ${name}`);
      }
    } else if (line.name === "#EXT-X-I-FRAME-STREAM-INF" || line.name === "#EXT-X-IMAGE-STREAM-INF") {
      if (attributes === undefined || !fits(attributes, cap)) cut.push(line);
    } else if (line.name === "#EXT-X-MEDIA") {
      // Players could read another group or URI than this.
      if (attributes === undefined || ["TYPE", "GROUP-ID", "URI"].some((name) => attributes.get(name) === "")) {
        cut.push(line);
        continue;
      }
      const uri = attributes.get("URI");
      renditions.push({ line, group: `${attributes.get("TYPE")} ${attributes.get("GROUP-ID")}`, uri });
    } else if (line.name === "#EXT-X-CONTENT-STEERING") cut.push(line);
  }
  const onlyGone = new Set([...uris.gone].filter((target) => !uris.kept.has(target)));
  for (const { line, group, uri } of renditions) {
    const target = uri === undefined ? undefined : targetOf(uri, place);
    const isOfGone = target !== undefined && onlyGone.has(target);
    if (isOfGone || (gone.has(group) && !kept.has(group))) cut.push(line);
  }
  if (uris.kept.size === 0)
    return refusal("quality_unavailable", "no variant of the playlist is within the viewer's quality");
  return ok({ text: without(text, cut), gone: onlyGone });
}

/**
 * A media playlist without the reports (RFC 8216bis §4.4.5.4) about playlists that `isLeft` does not know: they would name the
 * variants that were left out. A report that cannot be resolved goes as well.
 */
export function restrictReports(
  text: string,
  place: Place,
  isLeft: (file: { readonly path: string; readonly query: string }) => boolean,
): string {
  const cut: Line[] = [];
  for (const line of linesOf(text)) {
    if (line.kind !== "tag" || line.name !== "#EXT-X-RENDITION-REPORT") continue;
    const list = attributeList(text, line.value, line.end);
    const uri = list.ok ? singles(text, list.value).get("URI") : undefined;
    const resolved = uri === undefined ? undefined : resolve(uri, "playlist", place);
    if (resolved?.ok !== true || resolved.value.kind !== "own" || !isLeft(resolved.value)) cut.push(line);
  }
  return without(text, cut);
}

/** The file of a URI, however it is spelled; the URI itself if it cannot be resolved, such as one with a variable. */
function targetOf(uri: string, place: Place): string {
  const resolved = resolve(uri, "playlist", place);
  return resolved.ok && resolved.value.kind === "own" ? `${resolved.value.path}?${resolved.value.query}` : uri;
}

/** The attributes of a list. One that occurs twice is empty: players differ in which one counts. */
function singles(text: string, list: readonly Attribute[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const { name, start, end } of list) values.set(name, values.has(name) ? "" : text.slice(start, end));
  return values;
}

/** Codecs of audio and text (RFC 6381), by the beginning of their names. */
const soundCodecs = /^(mp4a|ac-3|ec-3|ac-4|opus|flac|alac|mp3|dts|dtsx|mha1|mhm1|iamf|stpp|wvtt)/i;

/** Whether a variant has no video: it states codecs, all of audio or text, and no attribute of video. */
function isAudio(attributes: ReadonlyMap<string, string>): boolean {
  const codecs = attributes.get("CODECS")?.split(",") ?? [];
  const hasVideo = ["RESOLUTION", "FRAME-RATE", "VIDEO-RANGE", "VIDEO"].some((name) => attributes.has(name));
  return codecs.length > 0 && !hasVideo && codecs.every((codec) => soundCodecs.test(codec.trim()));
}

function fits(attributes: ReadonlyMap<string, string>, cap: QualityCap): boolean {
  const [, height] = /^[0-9]{1,6}x([0-9]{1,6})$/i.exec(attributes.get("RESOLUTION") ?? "") ?? [];
  if (cap.maxHeight !== undefined && !(Number(height) <= cap.maxHeight)) return false;
  const bandwidth = /^[0-9]{1,12}$/.test(attributes.get("BANDWIDTH") ?? "")
    ? Number(attributes.get("BANDWIDTH"))
    : undefined;
  if (cap.maxBandwidth !== undefined && !(bandwidth !== undefined && bandwidth <= cap.maxBandwidth)) return false;
  if (cap.excludeVideoRange === undefined) return true;
  const range = (attributes.get("VIDEO-RANGE") ?? "SDR").toUpperCase();
  // A range that nobody knows may be any of the excluded ones.
  return ["SDR", "HLG", "PQ"].includes(range) && !cap.excludeVideoRange.some((excluded) => excluded === range);
}

/** The text without these lines and their line breaks. */
function without(text: string, lines: readonly Line[]): string {
  const withCr = endsLinesWithCr(text);
  let left = "";
  let from = 0;
  for (const { start, end } of lines.toSorted((a, b) => a.start - b.start)) {
    if (start < from) continue;
    left += text.slice(from, start);
    from = Math.min(lineEnd(text, end, withCr) + 1, text.length);
  }
  return left + text.slice(from);
}
