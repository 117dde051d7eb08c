import { ok, type Result, refuse } from "../base/result.ts";

/**
 * An attribute of a tag. `start` and `end` are the bounds of its value in the text, without quotes and outer blanks.
 */
export interface Attribute {
  /** In upper case: some players accept `uri` for `URI`, so its value is rewritten too. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

/**
 * Parses the attribute list (RFC 8216bis §4.2) between `from` and `to`. Accepts the blanks and empty elements that
 * packagers write. Refuses an ambiguous list: players disagree about an unclosed quote, text after a closing quote and
 * an element without a value, so one of them could find another URI.
 */
export function attributeList(text: string, from: number, to: number): Result<Attribute[], string> {
  const list: Attribute[] = [];
  let i = from;
  while (i < to) {
    i = skipBlanks(text, i, to);
    if (i < to && text.charCodeAt(i) === comma) {
      i++;
      continue;
    }
    if (i === to) break;
    const equals = nameEnd(text, i, to);
    if (equals < 0) return refuse("an element of its attribute list has no value");
    const name = text.slice(i, equals).trimEnd().toUpperCase();
    if (!isName(name)) return refuse("its attribute list has an invalid name");
    const value = skipBlanks(text, equals + 1, to);
    const quoted = text.charCodeAt(value) === quote && value < to;
    const end = quoted ? indexBefore(text, '"', value + 1, to) : valueEnd(text, value, to);
    if (end < 0) return refuse("its attribute list has a misplaced quote");
    const start = quoted ? value + 1 : value;
    const inner = trimmed(text, start, end);
    list.push({ name, start: inner.start, end: inner.end, quoted });
    i = skipBlanks(text, quoted ? end + 1 : end, to);
    if (i < to && text.charCodeAt(i) !== comma) return refuse("its attribute list has text after a closing quote");
    i++;
  }
  return ok(list);
}

/** The text of the attribute `name`, or undefined. The last duplicate counts, as in most players. */
export function attributeText(text: string, list: readonly Attribute[], name: string): string | undefined {
  let value: string | undefined;
  for (const attribute of list) if (attribute.name === name) value = text.slice(attribute.start, attribute.end);
  return value;
}

/**
 * Whether a name has only letters, digits, `-`, `.` and `_`. Some players treat other characters as white space.
 */
function isName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i) | 0x20;
    const letter = code >= 0x61 && code <= 0x7a;
    if (!letter && !"0123456789-._".includes(name.charAt(i))) return false;
  }
  return name !== "";
}

const comma = 0x2c;
const quote = 0x22;

/** The position of the `=` after a name, or -1 if a comma or a quote comes first. */
function nameEnd(text: string, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3d) return i;
    if (code === comma || code === quote) return -1;
  }
  return -1;
}

/** The end of an unquoted value, or -1 if it contains a quote. */
function valueEnd(text: string, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === comma) return i;
    if (code === quote) return -1;
  }
  return to;
}

function indexBefore(text: string, character: string, from: number, to: number): number {
  const at = text.indexOf(character, from);
  return at < to ? at : -1;
}

function skipBlanks(text: string, from: number, to: number): number {
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  return from;
}

function trimmed(text: string, start: number, end: number): { start: number; end: number } {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return { start, end };
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
