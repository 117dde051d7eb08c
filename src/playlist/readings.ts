import { ok, type Result, refuse } from "../base/result.ts";
import { schemeOf } from "../base/uri-scheme.ts";
import type { Attribute } from "./attributes.ts";
import { isWhiteSpace } from "./lines.ts";
import type { UriRole } from "./tags.ts";

/** An attribute as one player reads it: the position of its value, and the value that the player gets. */
export interface Reading {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The attributes that a player reads in a list; undefined if it rejects the whole playlist. */
type Reader = (list: string) => readonly Reading[] | undefined;

/**
 * hls.js 1.7: a quoted value ends at a quote before a comma or the end; names are trimmed. The last duplicate counts.
 */
export const readAsHlsJs: Reader = (list) => {
  const end = firstOf(list, "\r\n\u2028\u2029");
  const found: Reading[] = [];
  let closing = 0;
  for (let from = 0; from < end; ) {
    const equals = list.indexOf("=", from + 1);
    if (equals < 0 || equals >= end) break;
    const name = list.slice(from, equals).trim();
    const start = equals + 1;
    closing = Math.max(closing, start + 1);
    const quoted = list.charAt(start) === '"' && start < end;
    while (quoted && closing < end && !endsQuoted(list, closing, end)) closing++;
    const stop = quoted && closing < end ? closing + 1 : before(list, ",", start, end);
    const value = list.slice(start, stop);
    const stripped = value.startsWith('"') && value.lastIndexOf('"') === value.length - 1;
    found.push(reading(list, name, stripped ? start + 1 : start, stripped ? Math.max(start + 1, stop - 1) : stop));
    from = stop + 1;
  }
  return found;
};

/** Shaka 5: a value may precede the list, and anything may follow a closed quote. The first duplicate counts. */
export const readAsShaka: Reader = (list) => {
  const end = firstOf(list, "\r\n");
  const found: Reading[] = [];
  const comma = list.indexOf(",");
  let from = comma >= 0 && comma < list.indexOf("=") ? comma + 1 : 0;
  while (from < end) {
    while (list.charAt(from) === " ") from++;
    const equals = list.indexOf("=", from);
    if (equals < 0 || equals >= end) break;
    const quoted = list.charAt(equals + 1) === '"';
    const start = equals + (quoted ? 2 : 1);
    const stop = before(list, quoted ? '"' : ",", start, end);
    found.push(reading(list, list.slice(from, equals), start, stop));
    from = quoted ? stop + 1 : stop;
    if (list.charAt(from) === ",") from++;
  }
  return found;
};

/**
 * VHS (m3u8-parser 7): commas belong to the next name, and a rest without an equals sign throws. The first duplicate
 * counts.
 */
export const readAsVhs: Reader = (list) => {
  if (firstOf(list, "\u2028\u2029") < list.length) return [];
  const found: Reading[] = [];
  const lastEquals = list.lastIndexOf("=");
  for (let from = 0; from < list.length; ) {
    const comma = from === 0 ? -1 : list.indexOf(",", from);
    const isMatch = (from === 0 || comma >= 0) && comma < lastEquals;
    const rest = isMatch ? comma : list.length;
    if (rest > from) {
      const equals = list.indexOf("=", from);
      if (equals < 0 || equals >= rest) return undefined;
      found.push(unquoted(list, list.slice(from, equals).trim(), equals + 1, rest));
    }
    if (!isMatch) break;
    const equals = list.indexOf("=", comma + 1);
    const quote = list.charAt(equals + 1) === '"' ? list.indexOf('"', equals + 2) : -1;
    const stop = quote >= 0 ? quote + 1 : before(list, ",", equals + 1, list.length);
    found.push(unquoted(list, list.slice(comma + 1, equals).trim(), equals + 1, stop));
    from = stop;
    if (from === 0) break;
  }
  return found;
};

/**
 * ffmpeg: blanks and commas separate attributes, a backslash escapes, an unquoted value ends at a blank. The last
 * duplicate counts.
 */
export const readAsFfmpeg: Reader = (list) => {
  const end = firstOf(list, "\r\n\0");
  const found: Reading[] = [];
  for (let from = 0; from < end; ) {
    while (from < end && (isSpace(list, from) || list.charAt(from) === ",")) from++;
    const equals = list.indexOf("=", from);
    if (equals < 0 || equals >= end) break;
    const name = list.slice(from, equals);
    const quoted = list.charAt(equals + 1) === '"';
    const start = equals + (quoted ? 2 : 1);
    let text = "";
    let at = start;
    for (; at < end; at++) {
      if (quoted ? list.charAt(at) === '"' : isSpace(list, at) || list.charAt(at) === ",") break;
      if (quoted && list.charAt(at) === "\\") at++;
      text += list.charAt(at);
    }
    const stop = Math.min(at, end);
    found.push({ name, start, end: stop, text });
    from = quoted ? stop + 1 : stop;
  }
  return found;
};

/** `URI="([^"]*)"` at any position, as ExoPlayer and many scripts search for it. */
export function readPlainly(list: string, name: string): readonly Reading[] {
  const at = list.indexOf(`${name}="`);
  const start = at + name.length + 2;
  const stop = at < 0 ? -1 : list.indexOf('"', start);
  return stop < 0 ? [] : [reading(list, name, start, stop)];
}

/** At least this many of the five readers must find the URI of a required tag: otherwise most players would fail. */
const most = 3;

/** How often a broken list may repeat the same URI; each copy is cut out. */
const mostTimes = 8;

/**
 * The attributes of a list that is invalid by RFC 8216bis §4.2, in `text` from `from` to `to`. Its URIs are unambiguous
 * if all players that find one find the same, and nothing else looks like a URL or a second URI. Other attributes are
 * read as in hls.js. `needed`: most players must find the URI. The refusal says why the list is ambiguous.
 */
export function doubtfulList(
  text: string,
  [from, to]: readonly [number, number],
  roles: ReadonlyMap<string, UriRole>,
  needed: boolean,
): Result<Attribute[], string> {
  const list = text.slice(from, to);
  const readings = readAll(list, roles);
  const attributes: Attribute[] = (readAsHlsJs(list) ?? [])
    .filter(({ name }) => !roles.has(name.toUpperCase()))
    .map(({ name, start, end }) => ({ name: name.toUpperCase(), start: from + start, end: from + end, quoted: false }));
  if (![...roles.keys()].some((name) => list.toUpperCase().includes(name))) return ok(attributes);
  let rest = list;
  for (const name of roles.keys()) {
    const seen = readings.map((found) => found.filter((one) => one.name.toUpperCase() === name));
    const spans = new Map<number, Reading>();
    for (const one of seen.flat()) {
      const same = spans.get(one.start);
      if (
        one.text.includes('"') ||
        (same !== undefined && same.end !== one.end) ||
        one.text !== list.slice(one.start, one.end)
      )
        return refuse(`players read its ${name} in different ways`);
      spans.set(one.start, one);
    }
    const [first, ...others] = spans.values();
    if (
      others.length > mostTimes ||
      others.some((one) => one.text !== first?.text) ||
      namedElsewhere(list, name, spans)
    )
      return refuse(`it has more than one ${name}`);
    if (needed && first !== undefined && seen.filter((found) => found.length > 0).length < most)
      return refuse(`most players do not find its ${name}`);
    for (const { start, end } of spans.values()) {
      rest = rest.slice(0, start) + " ".repeat(end - start) + rest.slice(end);
      const quoted = list.charAt(start - 1) === '"' && list.charAt(end) === '"';
      attributes.push({ name, start: from + start, end: from + end, quoted });
    }
  }
  if (rest.includes("://")) return refuse("something else in it looks like a URL");
  return ok(attributes.toSorted((a, b) => a.start - b.start));
}

/**
 * Whether some player finds a URI with a host in a list that is valid by RFC 8216bis §4.2. Players disagree about
 * blanks, backslashes and names that end like a URI's: scripts find `URI="` in `X-URI="` too. A relative URI is
 * harmless: it leads to the media host without a signature and gets 403.
 */
export function isReadOtherwise(
  text: string,
  [from, to]: readonly [number, number],
  attributes: readonly Attribute[],
  roles: ReadonlyMap<string, UriRole>,
): boolean {
  const isLonger = (name: string) => [...roles.keys()].some((role) => name.endsWith(role) && !roles.has(name));
  if (isPlain(text, from, to) && !attributes.some(({ name }) => isLonger(name))) return false;
  let end = to;
  while (end < text.length && isWhiteSpace(text.charCodeAt(end)) && !"\r\n\u2028\u2029".includes(text.charAt(end)))
    end++;
  const own = new Map(
    attributes.filter(({ name }) => roles.has(name)).map((one) => [one.start - from, one.end - from]),
  );
  const list = text.slice(from, end);
  return readAll(list, roles).some((found) =>
    found.some(({ name, start, end: stop, text: uri }) => {
      if (!roles.has(name.toUpperCase()) || uri === "" || own.get(start) === stop) return false;
      return schemeOf(uri) !== undefined || /^(?:[/\\]|\{\$)/.test(uri);
    }),
  );
}

/** The distinct texts that the players read in an attribute without a URI. */
export function attributeTexts(list: string, name: string): readonly string[] {
  const found = [readAsHlsJs, readAsShaka, readAsVhs, readAsFfmpeg].flatMap((read) => read(list) ?? []);
  const texts = [...found, ...readPlainly(list, name)].filter((one) => one.name === name).map(({ text }) => text);
  return [...new Set(texts)];
}

/** Whether a list has no backslash in quotes, and blanks outside quotes only after a comma. */
function isPlain(text: string, from: number, to: number): boolean {
  let quoted = false;
  let hasQuotes = false;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      quoted = !quoted;
      hasQuotes = true;
    } else if (
      quoted
        ? code === 0x5c
        : isWhiteSpace(code) && i > from && !isWhiteSpace(text.charCodeAt(i - 1)) && text.charCodeAt(i - 1) !== 0x2c
    )
      return false;
  }
  const behind = text.charCodeAt(to);
  return !hasQuotes || !isWhiteSpace(behind) || behind === 0x0a || behind === 0x0d;
}

/** The attributes that each player finds; none for one that rejects the playlist. */
function readAll(list: string, roles: ReadonlyMap<string, UriRole>): readonly (readonly Reading[])[] {
  return [
    ...[readAsHlsJs, readAsShaka, readAsVhs, readAsFfmpeg].map((read) => read(list) ?? []),
    [...roles.keys()].flatMap((name) => readPlainly(list, name)),
  ];
}

/** Whether the name of a URI attribute also occurs elsewhere, before another value. */
function namedElsewhere(list: string, name: string, spans: ReadonlyMap<number, Reading>): boolean {
  const [first] = spans.values();
  const upper = list.toUpperCase();
  for (let at = upper.indexOf(name); at >= 0; at = upper.indexOf(name, at + 1)) {
    if (/[A-Za-z0-9._-]/.test(list.charAt(at - 1))) continue;
    let value = at + name.length;
    while (isWhiteSpace(list.charCodeAt(value))) value++;
    if (list.charAt(value) !== "=") continue;
    value++;
    while (isWhiteSpace(list.charCodeAt(value))) value++;
    if (list.charAt(value) === '"') value++;
    if (!spans.has(value) && (first === undefined || !list.startsWith(first.text, value))) return true;
  }
  return false;
}

function reading(list: string, name: string, from: number, to: number): Reading {
  let [start, end] = [from, to];
  while (start < end && isWhiteSpace(list.charCodeAt(start))) start++;
  while (end > start && isWhiteSpace(list.charCodeAt(end - 1))) end--;
  return { name, start, end, text: list.slice(start, end) };
}

/** Strips quotes as VHS does: also single ones, if both ends have one. */
function unquoted(list: string, name: string, from: number, to: number): Reading {
  const whole = reading(list, name, from, to);
  const isQuoted = whole.end - whole.start > 1 && /^['"].*['"]$/s.test(whole.text);
  return isQuoted ? { ...whole, start: whole.start + 1, end: whole.end - 1, text: whole.text.slice(1, -1) } : whole;
}

function endsQuoted(list: string, at: number, end: number): boolean {
  return list.charAt(at) === '"' && (at + 1 === end || list.charAt(at + 1) === ",");
}

function before(list: string, character: string, from: number, end: number): number {
  const at = list.indexOf(character, from);
  return at < 0 || at > end ? end : at;
}

function firstOf(list: string, characters: string): number {
  for (let i = 0; i < list.length; i++) if (characters.includes(list.charAt(i))) return i;
  return list.length;
}

function isSpace(list: string, at: number): boolean {
  const code = list.charCodeAt(at);
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
