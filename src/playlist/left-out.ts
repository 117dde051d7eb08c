import { attributeList, attributeText } from "./attributes.ts";
import { type Line, linesOf } from "./lines.ts";
import { attributeTexts } from "./readings.ts";

/** Tags of renditions and data without which a playlist still plays. */
export const optionalTags: ReadonlySet<string> = new Set([
  "#EXT-X-MEDIA",
  "#EXT-X-I-FRAME-STREAM-INF",
  "#EXT-X-IMAGE-STREAM-INF",
  "#EXT-X-SESSION-DATA",
]);

/** An omitted line: where it begins in the text, and why. The reason quotes no URI. */
export interface LeftOut {
  readonly start: number;
  readonly reason: string;
}

/** Lines beyond this are counted and not described: the log has one line per playlist. */
const mostDescribed = 5;

/** The log's text about omitted lines; undefined if there are none. */
export function leftOutReason(lines: readonly LeftOut[]): string | undefined {
  if (lines.length === 0) return undefined;
  const described = lines.slice(0, mostDescribed).map(({ reason }) => reason);
  return `${lines.length} unreadable renditions were left out: ${described.join("; ")}`;
}

/** The attributes by which a variant names a group. Each is also the TYPE of the renditions. */
const groupTypes = ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"];

/**
 * Whether a variant names a group (RFC 8216bis §4.4.6.2) that has no rendition left, which makes players fail. An
 * omitted line whose group is ambiguous counts for every group.
 */
export function emptiesGroup(text: string, leftOut: readonly LeftOut[]): boolean {
  const starts = new Set(leftOut.map(({ start }) => start));
  const present = new Set<string>();
  const gone = new Set<string>();
  const named = new Set<string>();
  for (const line of linesOf(text)) {
    if (line.kind !== "tag") continue;
    if (line.name === "#EXT-X-STREAM-INF")
      for (const type of groupTypes) for (const group of texts(text, line, type)) named.add(`${type} ${group}`);
    if (line.name !== "#EXT-X-MEDIA") continue;
    const [types, groups] = [texts(text, line, "TYPE"), texts(text, line, "GROUP-ID")];
    const names = (types.length === 0 ? groupTypes : types).flatMap((type) =>
      groups.length === 0 ? [type] : groups.map((group) => `${type} ${group}`),
    );
    if (starts.has(line.start)) for (const name of names) gone.add(name);
    else if (types.length === 1 && groups.length === 1) for (const name of names) present.add(name);
  }
  return [...named].some(
    (name) => !present.has(name) && (gone.has(name) || gone.has(name.slice(0, name.indexOf(" ")))),
  );
}

/** The texts of an attribute, as all players read it. */
function texts(text: string, { value, end }: Line & { kind: "tag" }, name: string): readonly string[] {
  const list = attributeList(text, value, end);
  if (!list.ok) return attributeTexts(text.slice(value, end), name);
  const only = attributeText(text, list.value, name);
  return only === undefined ? [] : [only];
}
