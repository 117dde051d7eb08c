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

/** The lines of a playlist, in order, from the first one that is not blank. */
export function* linesOf(text: string): Generator<Line, void, void> {
  let from = startOf(text);
  while (from < text.length) {
    const newline = text.indexOf("\n", from);
    const to = newline < 0 ? text.length : newline;
    yield lineBetween(text, from, to);
    from = to + 1;
  }
}

/**
 * What makes a text no playlist at all, or undefined: it does not begin with #EXTM3U (RFC 8216bis §4.4.1.1), or a character
 * inside of a line that some player takes for the line's end. Such a player would find a URI where we see a comment.
 */
export function textFault(text: string): string | undefined {
  const start = startOf(text);
  const after = text.charCodeAt(start + header.length);
  if (!text.startsWith(header, start) || (after > 0x20 && text.length > start + header.length))
    return "it does not begin with #EXTM3U";
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x1f && code < 0x85) continue;
    if (code === 0x0d) {
      // A line may end in several of them, but none may stand inside.
      let next = i + 1;
      while (isBlank(text.charCodeAt(next))) next++;
      if (next < text.length && text.charCodeAt(next) !== 0x0a) return "it holds a carriage return inside of a line";
      i = next;
    } else if (splitsLines(code)) return "it holds a character that some players take for the end of a line";
  }
  return undefined;
}

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
  if (text.charCodeAt(start) !== 0x23) return { kind: "uri", start, end };
  if (!text.startsWith("#EXT", start)) return { kind: "comment", start, end };
  for (let i = start; i < end; i++) {
    if (text.charCodeAt(i) === 0x3a) return { kind: "tag", start, end, name: text.slice(start, i), value: i + 1 };
  }
  return { kind: "tag", start, end, name: text.slice(start, end), value: end };
}

/** Space, tab and carriage return: what every player strips from a line. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

function splitsLines(code: number): boolean {
  if (code === 0 || code === 0x0b || code === 0x0c || (code >= 0x1c && code <= 0x1f)) return true;
  return code === 0x85 || code === 0x2028 || code === 0x2029;
}
