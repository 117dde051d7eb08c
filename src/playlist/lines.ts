/**
 * A line of a playlist, as positions in its text, so that a change only writes the span that changes. `start` and `end`
 * exclude outer blanks and the line break. `name` is a tag's name with its `#`, up to the colon; `value` is the
 * position after the colon.
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
 * The lines of a playlist, in order, from the first that is not blank. A line ends with LF or CRLF (RFC 8216bis §4.1),
 * and with CR in a text that uses it; see {@link endsLinesWithCr}.
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

/** Why a text is not a playlist, or undefined: it does not begin with #EXTM3U (RFC 8216bis §4.4.1.1). */
export function textFault(text: string): string | undefined {
  const start = startOf(text);
  const after = start + header.length;
  if (text.startsWith(header, start) && (after === text.length || isWhiteSpace(text.charCodeAt(after))))
    return undefined;
  return "it does not begin with #EXTM3U";
}

/**
 * Whether a lone CR also ends a line, as in files of old editors: there is no LF, or a tag follows a CR. Most players
 * split there (hls.js, Shaka, ffmpeg) and VHS does not. A CR inside a title or a comment does not end a line.
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

/** The end of the line that begins at `from`. */
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
 * Whether some reader takes the UTF-16 code unit or code point `code` for a line break: LF, CR, NUL (ffmpeg), U+2028
 * and U+2029 (hls.js), and the breaks of Python's `splitlines`. A reader that decodes Latin-1 also finds NEL (0x85) in
 * characters such as `Å` (C3 85).
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

/** The start of the text after byte order marks, blank lines and spaces, which exporters write before #EXTM3U. */
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

/** For example a form feed between lines. */
function isAllWhiteSpace(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isWhiteSpace(text.charCodeAt(i))) return false;
  return true;
}

/** Space, tab and carriage return, which every player strips from a line. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

/**
 * Whether the UTF-8 form of a character contains the byte 0x85, or it is that byte in escaped form
 * (`base/lossless-text.ts`).
 */
function holdsNel(code: number): boolean {
  if (code >= 0xdc80 && code <= 0xdcff) return code === 0xdc85;
  if ((code & 0x3f) === 0x05) return true;
  if (code < 0x800) return false;
  return ((code >> 6) & 0x3f) === 0x05 || (code > 0xffff && ((code >> 12) & 0x3f) === 0x05);
}
