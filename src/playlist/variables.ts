import { ok, type Result, refuse } from "../base/result.ts";
import { type Attribute, attributeList } from "./attributes.ts";

/** Where a playlist's variables may come from, in addition to its own text. */
export interface VariableSources {
  /** The variables of the multivariant playlist, for IMPORT. */
  readonly imported: ReadonlyMap<string, string> | undefined;
  /** The signed part of the playlist's query. The viewer writes the rest, and could choose what is signed. */
  readonly query: string;
  /** False if the playlist is at an alias: its URL has no query for the player. */
  readonly queryInUrl: boolean;
}

/** In characters. Keeps a short playlist from expanding to gigabytes. */
const longestSubstitute = 65_536;

/**
 * Reads an EXT-X-DEFINE tag (RFC 8216bis §4.4.2.3), whose attributes are in `text` from `from` to `to`, and adds its
 * variable to `variables`. The refusal says why not: a duplicate name, an unknown IMPORT, a missing QUERYPARAM.
 */
export function define(
  text: string,
  from: number,
  to: number,
  variables: Map<string, string>,
  sources: VariableSources,
): Result<undefined, string> {
  const list = attributeList(text, from, to);
  if (!list.ok) return list;
  const ways = list.value.filter(({ name }) => name === "NAME" || name === "IMPORT" || name === "QUERYPARAM");
  const way = ways[0];
  if (way === undefined || ways.length > 1) return refuse("an EXT-X-DEFINE needs one of NAME, IMPORT and QUERYPARAM");
  const name = text.slice(way.start, way.end);
  if (!isVariableName(name)) return refuse("an EXT-X-DEFINE has an invalid variable name");
  if (variables.has(name)) return refuse("a variable is defined twice");
  const value = definedValue(way, name, text, list.value, sources);
  if (!value.ok) return value;
  variables.set(name, value.value);
  return ok(undefined);
}

/**
 * Replaces variable references `{$name}` in `text` (RFC 8216bis §4.3) in one pass: references in values are not
 * replaced again. The refusal says that a variable is used before its definition, or that the text exceeds 64 Ki
 * characters.
 */
export function substitute(text: string, variables: ReadonlyMap<string, string>): Result<string, string> {
  let out = "";
  let from = 0;
  for (let open = text.indexOf("{$"); open >= 0; open = text.indexOf("{$", open + 2)) {
    const close = nameEnd(text, open + 2);
    if (close === open + 2 || text.charCodeAt(close) !== 0x7d) continue;
    const value = variables.get(text.slice(open + 2, close));
    if (value === undefined) return refuse("a URI uses a variable before its definition");
    out += text.slice(from, open) + value;
    if (out.length > longestSubstitute) return refuse("variables make a URI too long");
    from = close + 1;
  }
  return ok(from === 0 ? text : out + text.slice(from));
}

/**
 * The new attribute list for an EXT-X-DEFINE:QUERYPARAM that {@link define} has read: the variable with its value, for
 * a player that finds no such parameter in the playlist's URL and would fail. Undefined for any other list.
 */
export function withValue(
  text: string,
  from: number,
  to: number,
  variables: ReadonlyMap<string, string>,
): string | undefined {
  const list = attributeList(text, from, to);
  const way = list.ok ? list.value.find(({ name }) => name === "QUERYPARAM") : undefined;
  const name = way === undefined ? "" : text.slice(way.start, way.end);
  const value = variables.get(name);
  if (value === undefined) return undefined;
  // All URIs have their variables replaced already. Characters that a quoted string cannot hold are escaped for other
  // uses.
  return `NAME="${name}",VALUE="${value.replace(/[^\x20-\x21\x23-\x7e]/gu, encodeURIComponent)}"`;
}

function definedValue(
  way: Attribute,
  name: string,
  text: string,
  list: readonly Attribute[],
  sources: VariableSources,
): Result<string, string> {
  if (way.name === "IMPORT") {
    const value = sources.imported?.get(name);
    return value === undefined ? refuse("an EXT-X-DEFINE imports an undefined variable") : ok(value);
  }
  if (way.name === "QUERYPARAM") return queryValue(sources.query, name);
  const values = list.filter((attribute) => attribute.name === "VALUE");
  const value = values[0];
  if (value === undefined || values.length > 1) return refuse("an EXT-X-DEFINE with a NAME needs one VALUE");
  return ok(text.slice(value.start, value.end));
}

function queryValue(query: string, name: string): Result<string, string> {
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || percentDecoded(pair.slice(0, equals)) !== name) continue;
    const value = percentDecoded(pair.slice(equals + 1));
    if (value === undefined) return refuse("the query parameter of an EXT-X-DEFINE is not UTF-8");
    if (value !== "") return ok(value);
  }
  return refuse("an EXT-X-DEFINE asks for a query parameter that is not part of the playlist's signed URL");
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function isVariableName(name: string): boolean {
  return name !== "" && nameEnd(name, 0) === name.length;
}

/** The end of the letters, digits, `-` and `_` in `text` from `at`. */
function nameEnd(text: string, from: number): number {
  let i = from;
  while (i < text.length && isNameCharacter(text.charCodeAt(i))) i++;
  return i;
}

function isNameCharacter(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true;
  if ((code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)) return true;
  return code === 0x2d || code === 0x5f;
}
