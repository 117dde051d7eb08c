import { canonicalQuery, isOverlong, pathFault } from "./canonical-path.ts";
import { decodeBase64url, encodeBase64url, utf8 } from "./encoding.ts";
import { ok, type Refusal, type Result, refusal } from "./result.ts";

/** A file of an asset, in the bytes of the request to its origin. */
export interface OriginFile {
  /** Below the asset's prefix, without a slash at its start: `a;v=1/0.ts`. */
  readonly path: string;
  /** Without its `?`; empty if there is none. */
  readonly query: string;
}

/**
 * The location of a file on the media host: a canonical path below the asset's prefix and a canonical query. Both are
 * signed.
 */
export type MediaPlace = OriginFile;

/** Reserved directly below an asset: a path that begins with it is an alias. */
const reserved = "~/";

/** In characters, like the limit of a URI in a playlist (`playlist/reference.ts`). */
const longest = 8192;

/** Whether a path below an asset's prefix is an alias. Runs per edge request, so it compares two character codes. */
export function isAlias(path: string): boolean {
  return path.charCodeAt(0) === 0x7e && path.charCodeAt(1) === 0x2f;
}

/**
 * The location of a file on the media host. A file with a canonical path and query keeps them. Any other file gets an
 * alias, because proxies merge slashes and decode escapes, and some players encode a query again: `a;v=1/0.ts?t=a:b` is
 * at `~/YTt2PTEvMC50cz90PWE6Yg.ts`. The alias holds the origin's bytes and keeps the extension. Each file has exactly
 * one location.
 *
 * `uri_foreign`: a server that decodes once or twice could read another file, because of dot segments (also before a
 * path parameter, `..;a`), backslashes, control characters or overlong UTF-8. `path_invalid`: no client can send it, or
 * the alias would be too long.
 */
export function mediaPlaceOf(file: OriginFile): Result<MediaPlace, Refusal<"path_invalid" | "uri_foreign">> {
  const { path, query } = file;
  if (isPlain(file)) return ok(file);
  if (sentPath(path) !== path || sentQuery(query) !== query || hasBrokenEscape(path))
    return refusal("path_invalid", "it contains characters that no client sends unescaped");
  const payload = query === "" ? path : `${path}?${query}`;
  const fault = hiddenFault(payload);
  if (fault !== undefined) return refusal("uri_foreign", `decoded, ${fault}`);
  const extension = extensionOf(path);
  const alias = `${reserved}${encodeBase64url(utf8(payload))}${extension === "" ? "" : `.${extension}`}`;
  return alias.length > longest ? refusal("path_invalid", "its alias is too long") : ok({ path: alias, query: "" });
}

/**
 * The inverse of {@link mediaPlaceOf}. The location was signed, so a refusal means a fault of the signer: an alias that
 * is not canonical, or an alias of a file that needs none (`path_invalid`).
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

/** Whether a file keeps its own path on the media host. `file.path` has no leading slash. */
export function isPlain({ path, query }: OriginFile): boolean {
  return !isAlias(path) && pathFault(`/${path}`) === undefined && canonicalQuery(query) === query;
}

/**
 * A path as browsers and fetch send it (WHATWG URL, path percent-encode set). Characters that they encode are encoded,
 * and encoded dot segments (`%2e%2e`) are written with dots. All other bytes stay, escapes included.
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
 * A file's extension without its dot, in its own case: `ts` for `360p/0.ts`, `a;b.ts` and `0.ts;v=1`. Empty if there is
 * none.
 */
export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const ending = /\.([a-z0-9]{1,8})(?=;|%3b|$)/i.exec(name);
  return ending?.[1] ?? "";
}

/**
 * Whether a path is that of a playlist, by the file extensions of RFC 8216 §4 in any case: `a.m3u8`, `~/YTtiLg.M3U`.
 */
export function isPlaylist(path: string): boolean {
  const extension = extensionOf(path).toLowerCase();
  return extension === "m3u8" || extension === "m3u";
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

/** How many times a server might percent-decode a path. */
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
    if (code < 0x20 || code === 0x7f) return "it contains a control character";
    if (code === 0x5c) return "it contains a backslash";
    if (isOverlong(code, text.charCodeAt(i + 1))) return "it contains overlong UTF-8";
  }
  return /(^|[/?#])\.{1,2}(?=[;/?#]|$)/.test(text) ? "it contains a dot segment" : undefined;
}

/** Replaces each valid escape by the character with that byte's value. UTF-8 sequences are not joined. */
function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)));
}
