/**
 * One line of a playlist, as a place in its text: a line keeps its own bytes, and whoever changes one writes only the
 * span that changes. `start` and `end` leave out the blanks around and the line's end. `name` is a tag's name with its
 * `#`, up to the colon; `value` is where what follows the colon begins.
 */
export type Line =
  | { readonly kind: "blank" | "comment" | "uri"; readonly start: number; readonly end: number }
  | {
      readonly kind: "tag";
      readonly start: number;
      readonly end: number;
      readonly name: string;
      readonly value: number;
    };

/**
 * The lines of a playlist, in order, from the first one that is not blank. A line ends with LF or CRLF (RFC 8216bis §4.1),
 * and with CR in a text that is written so throughout: see {@link endsLinesWithCr}.
 */
export function* linesOf(text: string): Generator<Line, void, void> {
  const withCr = endsLinesWithCr(text);
  let from = startOf(text);
  while (from < text.length) {
    const to = lineEnd(text, from, withCr);
    yield lineBetween(text, from, to);
    from = to + 1;
  }
}

/** What makes a text no playlist at all, or undefined: it does not begin with #EXTM3U (RFC 8216bis §4.4.1.1). */
export function textFault(text: string): string | undefined {
  const start = startOf(text);
  const after = start + header.length;
  if (text.startsWith(header, start) && (after === text.length || isWhiteSpace(text.charCodeAt(after))))
    return undefined;
  return "it does not begin with #EXTM3U";
}

/**
 * Whether CR alone ends a line as well, as in files of old editors: there is no LF, or a CR with a tag behind it. Most players
 * split there (hls.js, Shaka, ffmpeg) and one does not (VHS). A CR inside of a title or a comment is no line's end.
 */
export function endsLinesWithCr(text: string): boolean {
  const start = startOf(text);
  let cr = text.indexOf("\r", start);
  if (cr >= 0 && !text.includes("\n", start)) return true;
  for (; cr >= 0; cr = text.indexOf("\r", cr)) {
    while (isBlank(text.charCodeAt(cr))) cr++;
    if (text.startsWith("#EXT", cr)) return true;
  }
  return false;
}

/** Where the line that begins at `from` ends. */
export function lineEnd(text: string, from: number, withCr: boolean): number {
  if (!withCr) {
    const lf = text.indexOf("\n", from);
    return lf < 0 ? text.length : lf;
  }
  let end = from;
  while (end < text.length && text.charCodeAt(end) !== 0x0a && text.charCodeAt(end) !== 0x0d) end++;
  return end;
}

/**
 * Whether some player, or some other reader of text, takes the UTF-16 code unit or code point `code` for the end of a line:
 * LF, CR, NUL (ffmpeg), U+2028 and U+2029 (hls.js), and what Python's `splitlines` splits at. Whoever reads bytes for Latin-1
 * finds NEL (0x85) in characters such as `Å` (C3 85) too.
 */
export function breaksLines(code: number): boolean {
  if (code < 0x20) return code === 0 || (code >= 0x0a && code <= 0x0d) || code >= 0x1c;
  if (code < 0x80) return false;
  return code === 0x2028 || code === 0x2029 || holdsNel(code);
}

/** White space as `String.trim` strips it. */
export function isWhiteSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code >= 0x2000) return code <= 0x200a || otherWhiteSpace.has(code);
  return code === 0xa0 || code === 0x1680;
}

const otherWhiteSpace: ReadonlySet<number> = new Set([0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff]);

const header = "#EXTM3U";

/** Where the text begins behind byte order marks, blank lines and spaces: exporters write several of them before #EXTM3U. */
function startOf(text: string): number {
  return text.length - text.trimStart().length;
}

function lineBetween(text: string, from: number, to: number): Line {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  if (start === end) return { kind: "blank", start, end };
  if (text.charCodeAt(start) !== 0x23) return { kind: isAllWhiteSpace(text, start, end) ? "blank" : "uri", start, end };
  while (isWhiteSpace(text.charCodeAt(end - 1))) end--;
  if (!text.startsWith("#EXT", start)) return { kind: "comment", start, end };
  for (let i = start; i < end; i++) {
    if (text.charCodeAt(i) === 0x3a) return { kind: "tag", start, end, name: text.slice(start, i), value: i + 1 };
  }
  return { kind: "tag", start, end, name: text.slice(start, end), value: end };
}

/** A form feed between lines, as text files have them. */
function isAllWhiteSpace(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isWhiteSpace(text.charCodeAt(i))) return false;
  return true;
}

/** Space, tab and carriage return: what every player strips from a line. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

/** Whether the UTF-8 form of a character has the byte 0x85, or an escaped byte (`base/lossless-text.ts`) is that. */
function holdsNel(code: number): boolean {
  if (code >= 0xdc80 && code <= 0xdcff) return code === 0xdc85;
  if ((code & 0x3f) === 0x05) return true;
  if (code < 0x800) return false;
  return ((code >> 6) & 0x3f) === 0x05 || (code > 0xffff && ((code >> 12) & 0x3f) === 0x05);
}
