import { utf8 } from "./encoding.ts";
import { ok, type Result, refuse } from "./result.ts";

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
/** Characters that RFC 3986 §3.3 allows in a path segment, without `;`, which some servers read as a delimiter. */
const pathCharacters = table(`${unreserved}!$&'()*+,=:@`);
const slash = 0x2f;
const dot = 0x2e;
const percent = 0x25;

/**
 * Why `path` is not in the one spelling that is signed and served; undefined if it is. The path is the one from the
 * wire, before any parsing, so no two parties can read it differently.
 *
 * Refused: dot segments, empty segments, `\`, `;`, control characters, an encoded slash, percent or backslash, the
 * escape of a character that needs none, overlong UTF-8, lower-case hexadecimal, and anything outside ASCII.
 */
export function pathFault(path: string): string | undefined {
  if (path.charCodeAt(0) !== slash) return "it does not begin with a slash";
  let segmentStart = 1;
  for (let i = 1; i <= path.length; i++) {
    const code = i < path.length ? path.charCodeAt(i) : slash;
    if (code === slash) {
      if (isDotSegment(path, segmentStart, i)) return "it contains a dot segment";
      if (i === segmentStart && i < path.length) return "it contains an empty segment";
      segmentStart = i + 1;
    } else if (code === percent) {
      const fault = escapeFault(path, i);
      if (fault !== undefined) return fault;
      i += 2;
    } else if (code > 127 || pathCharacters[code] === 0) {
      return code === 0x5c ? "it contains a backslash" : "it contains a character that is not allowed in a path";
    }
  }
  return undefined;
}

/**
 * The canonical spelling of a path in a playlist. Needless escapes are decoded, other characters are encoded (UTF-8),
 * hexadecimal is upper case. Slashes and dot segments stay. The refusal says what cannot be spelled: an encoded slash,
 * backslash, percent or control character, or a broken escape.
 */
export function canonicalPathText(text: string): Result<string, string> {
  let out = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character === "/" || character === "%" || (code < 128 && pathCharacters[code] === 1)) out += character;
    else if (code < 0x20 || code === 0x7f || character === "\\" || character === ";")
      return refuse("it contains a character that is not allowed in a path");
    else if (code >= 0xd800 && code < 0xe000 && character.length === 1)
      return refuse("it contains half a surrogate pair");
    else out += encodeURIComponent(character);
  }
  return withCanonicalEscapes(out);
}

/**
 * The canonical spelling of an origin's query (without its `?`), for signing, comparing and forwarding. Some players
 * parse and rewrite a URL's query and encode `~` and others, so exactly the reserved characters (RFC 3986 §2.3) are
 * encoded. `+`, `&` and the first `=` of a pair keep their meaning. A percent sign that begins no escape is encoded.
 */
export function canonicalQuery(query: string): string {
  let out = "";
  let inValue = false;
  for (let i = 0; i < query.length; i++) {
    const code = query.codePointAt(i) ?? 0;
    const character = String.fromCodePoint(code);
    if (code > 0xffff) i++;
    const escaped = code === percent ? escapedByte(query, i) : -1;
    if (character === "&") {
      out += character;
      inValue = false;
    } else if (character === "=" && !inValue) {
      out += character;
      inValue = true;
    } else if (character === "+") {
      out += character;
    } else if (escaped >= 0) {
      out += unreserved.includes(String.fromCharCode(escaped)) ? String.fromCharCode(escaped) : hex(escaped);
      i += 2;
    } else if (unreserved.includes(character)) {
      out += character;
    } else if (code < 128) {
      out += hex(code);
    } else {
      for (const byte of utf8(character)) out += hex(byte);
    }
  }
  return out;
}

/** A path up to and including its last slash. */
export function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function withCanonicalEscapes(text: string): Result<string, string> {
  let out = "";
  let from = 0;
  for (let i = text.indexOf("%"); i >= 0; i = text.indexOf("%", i)) {
    const byte = escapedByte(text, i);
    if (byte < 0) return refuse("it contains a broken percent escape");
    const needless = byte < 128 && pathCharacters[byte] === 1;
    const spelling = needless ? String.fromCharCode(byte) : hex(byte);
    const fault = needless ? undefined : (escapeFault(spelling, 0) ?? overlongFault(text, i, byte));
    if (fault !== undefined) return refuse(fault);
    out += text.slice(from, i) + spelling;
    i += 3;
    from = i;
  }
  return ok(out + text.slice(from));
}

function escapeFault(path: string, at: number): string | undefined {
  const byte = escapedByte(path, at);
  if (byte < 0) return "it contains a broken percent escape";
  if (byte === slash || byte === 0x5c) return "it contains an encoded slash";
  if (byte === percent) return "it is encoded twice";
  if (byte === 0x3b) return "it contains an encoded semicolon";
  if (byte < 0x20 || byte === 0x7f) return "it contains an encoded control character";
  if (byte < 128 && pathCharacters[byte] === 1) return "it encodes a character that needs no encoding";
  if (isLowerCaseHex(path.charCodeAt(at + 1)) || isLowerCaseHex(path.charCodeAt(at + 2)))
    return "it contains an escape in lower case";
  return overlongFault(path, at, byte);
}

function overlongFault(path: string, at: number, byte: number): string | undefined {
  const next = path.charCodeAt(at + 3) === percent ? escapedByte(path, at + 3) : -1;
  return isOverlong(byte, next) ? "it contains overlong UTF-8" : undefined;
}

/**
 * Whether two bytes begin overlong UTF-8. Careless decoders read `%C0%AE` as a dot and `%E0%80%AF` as a slash (RFC 3629
 * §10).
 */
export function isOverlong(byte: number, next: number): boolean {
  if (byte === 0xc0 || byte === 0xc1) return true;
  return (byte === 0xe0 && next >= 0x80 && next < 0xa0) || (byte === 0xf0 && next >= 0x80 && next < 0x90);
}

function isDotSegment(path: string, from: number, to: number): boolean {
  if (to - from === 1) return path.charCodeAt(from) === dot;
  return to - from === 2 && path.charCodeAt(from) === dot && path.charCodeAt(from + 1) === dot;
}

/** The byte that the escape at `at` encodes, or -1 if there is no complete escape. */
function escapedByte(text: string, at: number): number {
  const high = hexValue(text.charCodeAt(at + 1));
  const low = hexValue(text.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  return isLowerCaseHex(code) ? code - 0x57 : -1;
}

function isLowerCaseHex(code: number): boolean {
  return code >= 0x61 && code <= 0x66;
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

function table(characters: string): Uint8Array {
  const bits = new Uint8Array(128);
  for (let i = 0; i < characters.length; i++) bits[characters.charCodeAt(i)] = 1;
  return bits;
}
