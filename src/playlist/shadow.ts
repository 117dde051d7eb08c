import { type Refusal, refusal } from "../base/result.ts";
import { isApplicationScheme, isHttpScheme, schemeOf } from "../base/uri-scheme.ts";
import type { Attribute } from "./attributes.ts";
import { breaksLines, endsLinesWithCr, isWhiteSpace, type Line, lineEnd } from "./lines.ts";
import { isAllowedHost, isOwnHost, type Place, passesUnsigned, readHost } from "./reference.ts";
import { type UriRole, uriAttributes } from "./tags.ts";

/**
 * Text of a line that only some players take for a URI: a tag inside a line or a comment, or the text after an unusual
 * EXTINF (both hls.js), or text after a character at which some player ends the line (see {@link breaksLines}). By the
 * specification it is not a URI, so it keeps its bytes. A relative one leads to the media host without a signature and
 * gets 403. One that names a host, even the media host or the origin, would take the player there: `uri_foreign`.
 */
export function shadowFault(text: string, line: Line, place: Place): Refusal<"uri_foreign"> | undefined {
  if (line.kind === "blank") return undefined;
  if (line.kind === "tag" && line.name === "#EXTINF" && extInfLeadsAway(text, line.value, line.end, place))
    return foreign("after an EXTINF").refusal;
  if (hiddenLineLeadsAway(text, line, place)) return foreign("at a line break of some players").refusal;
  if (line.kind === "tag" && withoutColonLeadsAway(text, line, place))
    return foreign("in a tag without its colon").refusal;
  const inside = text.slice(line.start + 1, line.end);
  if (!inside.includes("#EXT-X-")) return undefined;
  for (const [tag, roles] of uriAttributes) {
    const found = inside.indexOf(`${tag}:`);
    if (found >= 0 && attributesLeadAway(inside, found + tag.length + 1, inside.length, roles, place))
      return foreign("in a tag inside of another line").refusal;
  }
  return undefined;
}

/**
 * The same for a tag's attributes, whose list is from `from` to `to`, if a player ends the line inside it. In
 * `A="b,URI=https://evil.example,<U+2028>",URI="c"` that player sees a URI inside a quoted value.
 */
export function brokenTagFault(
  text: string,
  [from, to]: readonly [number, number],
  attributes: readonly Attribute[],
  roles: ReadonlyMap<string, UriRole>,
  place: Place,
): Refusal<"uri_foreign"> | undefined {
  if (!hasBreak(text, from, to)) return undefined;
  const own = new Set(attributes.map(({ start }) => start));
  return attributesLeadAway(text, from, to, roles, place, own) ? foreign("in a part of a tag").refusal : undefined;
}

/**
 * The same for a text in which CR ends lines. A player that only splits at LF (VHS) reads on to the LF, and takes the
 * next lines for part of a URI or of a tag's attributes.
 */
export function longLineFault(text: string, place: Place): Refusal<"uri_foreign"> | undefined {
  if (!endsLinesWithCr(text)) return undefined;
  for (let from = 0; from < text.length; ) {
    const end = lineEnd(text, from, false);
    const start = skipWhiteSpace(text, from, end);
    const cr = lineEnd(text, start, true);
    const line = text.slice(start, cr);
    const roles = uriAttributes.get(line.slice(0, Math.max(0, line.indexOf(":"))));
    const inTag = roles !== undefined && attributesLeadAway(text, cr, end, roles, place);
    if (inTag || (cr < end && text.charCodeAt(start) !== hash && leadsAway(line, "prose", place)))
      return foreign("in a line that some players do not end").refusal;
    from = end + 1;
  }
  return undefined;
}

function foreign(where: string) {
  return refusal(
    "uri_foreign",
    `${where} there is text that some players take for a URI that the asset does not allow`,
  );
}

/** Older releases of m3u8-parser accept a KEY without its colon: `#EXT-X-KEY METHOD=AES-128,URI="k"`. */
function withoutColonLeadsAway(text: string, { name, start, end }: Line & { kind: "tag" }, place: Place): boolean {
  if (uriAttributes.has(name)) return false;
  for (const [tag, roles] of uriAttributes) {
    if (name.startsWith(tag) && attributesLeadAway(text, start + tag.length, end, roles, place)) return true;
  }
  return false;
}

/** Whether a break inside this line starts text that a player could take for a foreign URI. */
function hiddenLineLeadsAway(text: string, line: Line, place: Place): boolean {
  let from = -1;
  for (let i = line.start; i < line.end; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x1f && unit < 0x80) continue;
    const code = text.codePointAt(i) ?? 0;
    if (code > 0xffff) i++;
    if (!breaksLines(code)) continue;
    if (from >= 0 && lineLeadsAway(text.slice(from, i), place)) return true;
    from = i + 1;
  }
  return from >= 0 && lineLeadsAway(text.slice(from, line.end), place);
}

function hasBreak(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const unit = text.charCodeAt(i);
    if ((unit <= 0x1f || unit >= 0x80) && breaksLines(text.codePointAt(i) ?? 0)) return true;
  }
  return false;
}

/** Whether a line is a foreign URI. Tags inside it are checked elsewhere, except an unusual EXTINF. */
function lineLeadsAway(line: string, place: Place): boolean {
  const start = skipWhiteSpace(line, 0, line.length);
  if (line.startsWith("#EXTINF:", start)) return extInfLeadsAway(line, start + 8, line.length, place);
  return line.charCodeAt(start) !== hash && leadsAway(line, "prose", place);
}

/**
 * Whether hls.js finds a foreign URI in an EXTINF's value: the text after the number if no comma follows, and at the
 * very end of a playlist the last word of the title, because it expects white space after the title.
 */
function extInfLeadsAway(text: string, from: number, to: number, place: Place): boolean {
  let i = from;
  while (i < to && " \t0123456789.".includes(text.charAt(i))) i++;
  if (i < to && text.charAt(i) !== ",") return leadsAway(text.slice(i, to), "prose", place);
  if (to < text.length) return false;
  let word = to;
  while (word > i && !isWhiteSpace(text.charCodeAt(word - 1))) word--;
  return word > i && leadsAway(text.slice(word, to), "prose", place);
}

/**
 * Whether an attribute that holds URIs has a foreign one, at any position of its name, even inside another value:
 * `X-ASSET-URI="URI=https://evil.example"`. Those at `except` are signed. Values inside values could be read as often as
 * there are names; a text with more than {@link depth} times its length to read is in doubt.
 */
function attributesLeadAway(
  text: string,
  from: number,
  to: number,
  roles: ReadonlyMap<string, UriRole>,
  place: Place,
  except: ReadonlySet<number> = new Set(),
): boolean {
  const list = text.slice(from, to);
  for (const [name, role] of roles) {
    let left = depth * list.length;
    for (let at = list.indexOf(name); at >= 0; at = list.indexOf(name, at)) {
      at = skipWhiteSpace(list, at + name.length, list.length);
      if (list.charCodeAt(at) !== 0x3d) continue;
      at = skipWhiteSpace(list, at + 1, list.length);
      const quoted = list.charCodeAt(at) === 0x22;
      const start = quoted ? at + 1 : at;
      const close = list.indexOf(quoted ? '"' : ",", start);
      const value = list.slice(start, close < 0 ? list.length : close);
      left -= value.length;
      if (left < 0 || (!except.has(from + start) && leadsAway(value, role, place))) return true;
    }
  }
  return false;
}

const depth = 8;

/**
 * Whether a possible URI leads to a host or scheme that the asset does not allow. In doubt it does, because it is not
 * signed. In `prose` (a title or comment) a word before a colon is no scheme unless it looks like one: `Two: the
 * return`.
 */
function leadsAway(written: string, reading: UriRole | "prose", place: Place): boolean {
  const uri = withoutIgnored(written, reading);
  const scheme = schemeOf(uri);
  if (scheme === undefined)
    return slashes(uri, 0) >= 2 ? !namesAllowedHost(uri, undefined, place) : mayBecomeAnother(uri);
  const rest = uri.slice(scheme.length + 1);
  if (isHttpScheme(scheme)) return !namesAllowedHost(rest, scheme, place);
  if (reading !== "prose") return !passesUnsigned(scheme, reading, place);
  if (!isApplicationScheme(scheme)) return rest !== "" && !isWhiteSpace(rest.charCodeAt(0));
  return rest.startsWith("//") && !passesUnsigned(scheme, "segment", place);
}

/**
 * Whether a URI without its scheme names an allowed host, followed by a path. Where one player ends the line another
 * reads on, and a browser reads `https://ads.example<CR>.evil.example` as one host.
 */
function namesAllowedHost(rest: string, scheme: string | undefined, place: Place): boolean {
  const start = slashes(rest, 0);
  let end = start;
  while (end < rest.length && !"/?#".includes(rest.charAt(end))) end++;
  const authority = rest.slice(start, end);
  const host = readHost(authority, scheme);
  if (isOwnHost(host, place.mediaHost)) return false;
  if (place.originHost !== undefined && isOwnHost(host, place.originHost)) return false;
  return end < rest.length && isHostText(authority) && isAllowedHost(host, place.allowedHosts);
}

/**
 * Whether a variable (`{$name}`) could add a scheme or a host, because nothing before it makes the reference relative.
 */
function mayBecomeAnother(uri: string): boolean {
  const variable = uri.indexOf("{$");
  if (variable < 0) return false;
  for (let i = 0; i < variable; i++) {
    if ("?#".includes(uri.charAt(i)) || (uri.charAt(i) === "/" && i > 0)) return false;
  }
  return variable < 2 || uri.charAt(0) !== "/";
}

/**
 * Removes what browsers ignore in a URL (leading characters, tabs and line breaks) and quotes that some players strip.
 * Shaka decodes `%7B`.
 */
function withoutIgnored(written: string, reading: UriRole | "prose"): string {
  let start = skipWhiteSpace(written, 0, written.length);
  if (reading !== "prose") while ("\"'".includes(written.charAt(start)) && start < written.length) start++;
  const uri = written.slice(skipWhiteSpace(written, start, written.length));
  return uri.replaceAll("\t", "").replaceAll("\n", "").replaceAll("\r", "").replaceAll("%7B", "{");
}

/** White space, control characters and byte order marks, which some reader drops at the start of a line. */
function skipWhiteSpace(text: string, from: number, to: number): number {
  let i = from;
  while (i < to && (text.charCodeAt(i) <= 0x20 || text.charCodeAt(i) === 0x85 || isWhiteSpace(text.charCodeAt(i)))) i++;
  return i;
}

/** The number of slashes at `at`; browsers read backslashes as slashes. */
function slashes(uri: string, at: number): number {
  let i = at;
  while (uri.charAt(i) === "/" || uri.charAt(i) === "\\") i++;
  return i - at;
}

/** Letters, digits and the other characters of a host and port. */
function isHostText(authority: string): boolean {
  for (let i = 0; i < authority.length; i++) {
    const code = authority.charCodeAt(i) | 0x20;
    const letter = code >= 0x61 && code <= 0x7a;
    if (!letter && !"0123456789.:-_".includes(authority.charAt(i))) return false;
  }
  return authority !== "";
}

const hash = 0x23;
