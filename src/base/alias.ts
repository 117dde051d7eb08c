import { canonicalQuery, isOverlong, pathFault } from "./canonical-path.ts";
import { decodeBase64url, encodeBase64url, utf8 } from "./encoding.ts";
import { ok, type Refusal, type Result, refusal } from "./result.ts";

/** A file of an asset, by the bytes that its origin is asked with. */
export interface OriginFile {
  /** Below the asset's prefix, without a slash at its start: `a;v=1/0.ts`. */
  readonly path: string;
  /** Without its `?`; empty where there is none. */
  readonly query: string;
}

/** Where a file is on the media host: a canonical path below the asset's prefix, and a canonical query. Both are signed. */
export type MediaPlace = OriginFile;

/** Directly below an asset this is reserved: a path that begins so is an alias, and nothing else. */
const reserved = "~/";

/** In characters. It is the limit of a URI in a playlist, too: see `playlist/reference.ts`. */
const longest = 8192;

/** Whether a path below an asset's prefix is an alias. The edge asks it of every request, so it looks at two characters. */
export function isAlias(path: string): boolean {
  return path.charCodeAt(0) === 0x7e && path.charCodeAt(1) === 0x2f;
}

/**
 * Where a file is on the media host. A file whose path and query are canonical already has them there as well. Any other
 * has an alias: fronts merge slashes and decode escapes, and players write queries again, so what the origin compares byte
 * by byte has no safe spelling of its own. An alias holds those bytes, and keeps the file's extension for players that go
 * by it: `a;v=1/0.ts?t=a:b` is at `~/YTt2PTEvMC50cz90PWE6Yg.ts`. A file has one place, and a place one file.
 *
 * Refuses `uri_foreign` for what a server that decodes once or twice could take for another file: dot segments, also in
 * front of a path parameter (`..;a`), backslashes, control characters, overlong UTF-8. Refuses `path_invalid` for what no
 * client can send, and for an alias that is too long.
 */
export function mediaPlaceOf(file: OriginFile): Result<MediaPlace, Refusal<"path_invalid" | "uri_foreign">> {
  const { path, query } = file;
  if (isPlain(file)) return ok(file);
  if (sentPath(path) !== path || sentQuery(query) !== query || hasBrokenEscape(path))
    return refusal("path_invalid", "it holds what no client sends as it is");
  const payload = query === "" ? path : `${path}?${query}`;
  const fault = hiddenFault(payload);
  if (fault !== undefined) return refusal("uri_foreign", `decoded, ${fault}`);
  const extension = extensionOf(path);
  const alias = `${reserved}${encodeBase64url(utf8(payload))}${extension === "" ? "" : `.${extension}`}`;
  return alias.length > longest ? refusal("path_invalid", "its alias is too long") : ok({ path: alias, query: "" });
}

/**
 * The file at a place on the media host: {@link mediaPlaceOf} backwards. What it takes was signed, so all that it refuses
 * should not exist: `path_invalid` for an alias in another than its one spelling, or of a file that needs none, and what
 * {@link mediaPlaceOf} refuses.
 */
export function originFileOf(place: MediaPlace): Result<OriginFile, Refusal<"path_invalid" | "uri_foreign">> {
  if (!isAlias(place.path)) return ok(place);
  const [text = ""] = place.path.slice(reserved.length).split(".", 1);
  const bytes = text.length > longest ? undefined : decodeBase64url(text);
  if (bytes === undefined || place.query !== "") return refusal("path_invalid", "its alias cannot be decoded");
  const payload = new TextDecoder().decode(bytes);
  const mark = payload.indexOf("?");
  const file =
    mark < 0 ? { path: payload, query: "" } : { path: payload.slice(0, mark), query: payload.slice(mark + 1) };
  const own = mediaPlaceOf(file);
  if (!own.ok) return own;
  return own.value.path === place.path ? ok(file) : refusal("path_invalid", "its alias is not in its one spelling");
}

/** Whether a file can be at its own path on the media host. `file.path` has no slash at its start. */
export function isPlain({ path, query }: OriginFile): boolean {
  return !isAlias(path) && pathFault(`/${path}`) === undefined && canonicalQuery(query) === query;
}

/**
 * A path as browsers and fetch send it (WHATWG URL, the path percent-encode set): what they encode is encoded, and a
 * segment that they read as a dot segment is spelled with dots. Everything else, escapes among it, keeps its bytes.
 */
export function sentPath(text: string): string {
  return encoded(text, '"#<>?^`{}').replace(/(^|\/)(?:\.|%2e){1,2}(?=\/|$)/gi, (segment) =>
    segment.replace(/%2e/gi, "."),
  );
}

/** The same for a query without its `?` (the special-query percent-encode set). */
export function sentQuery(text: string): string {
  return encoded(text, "\"#<>'");
}

/**
 * A file's extension without its dot, in the letters that it has: `ts` of `360p/0.ts` and `a;b.ts`, of `0.ts;v=1` too.
 * Empty where the last segment ends like no name of a file.
 */
export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const ending = /\.([a-z0-9]{1,8})(?=;|%3b|$)/i.exec(name);
  return ending?.[1] ?? "";
}

function encoded(text: string, set: string): string {
  let out = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (code > 0x20 && code < 0x7f && !set.includes(character)) out += character;
    else for (const byte of utf8(character)) out += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function hasBrokenEscape(path: string): boolean {
  return /%(?![0-9a-f]{2})/i.test(path);
}

/** How often a server could percent-decode what it is asked for, beyond not at all. */
const decodings = 2;

function hiddenFault(payload: string): string | undefined {
  let text = payload;
  for (let i = 0; i <= decodings; i++) {
    const fault = faultIn(text);
    if (fault !== undefined) return fault;
    text = percentDecoded(text);
  }
  return undefined;
}

function faultIn(text: string): string | undefined {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return "it holds a control character";
    if (code === 0x5c) return "it holds a backslash";
    if (isOverlong(code, text.charCodeAt(i + 1))) return "it holds overlong UTF-8";
  }
  return /(^|[/?#])\.{1,2}(?=[;/?#]|$)/.test(text) ? "it holds a dot segment" : undefined;
}

/** Each valid escape as a character of its byte's value; UTF-8 is not put together. */
function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)));
}
