import { extensionOf, mediaPlaceOf, type OriginFile } from "../../base/alias.ts";
import { canonicalQuery, pathFault } from "../../base/canonical-path.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result, refuse } from "../../base/result.ts";

/**
 * Characters that stand in a canonical path as they are, and that the SDK writes as escapes before it signs. S3 reads a
 * bare `+` as a space, so for an S3 origin the escape is also the safe spelling.
 */
const escapes = new Map([..."$&+,:=@"].map((character) => [character, encodeURIComponent(character)]));

/** The names that a viewer's own parameters cannot have ("Create a signed URL…", step 2, value 3 of either page). */
export const cloudFrontParameters = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"] as const;
const parameterNames: readonly string[] = cloudFrontParameters;

/**
 * A canonical path as the SDK writes it in a signed URL. Refused (`path_invalid`):
 *
 * - a path that is not canonical: the SDK decodes `%2E%2E` to dot segments and signs them
 * - an asterisk: CloudFront would read it as a wildcard as soon as somebody sends the canned policy as a custom one
 * - escapes that are not UTF-8: the SDK encodes them twice and so signs another file
 */
export function spellPath(path: string): Result<string, Refusal> {
  const fault = pathFault(path);
  if (fault !== undefined) return refusal("path_invalid", fault);
  if (path.includes("*")) return refusal("path_invalid", "it holds an asterisk, which CloudFront takes for a wildcard");
  if (path.includes("%") && !isUtf8(path)) return refusal("path_invalid", "it holds escapes that are not UTF-8");
  return ok(translate(path));
}

/**
 * A query (without its `?`) as the SDK writes it: canonical, each name with its `=`, no empty pairs. Refused
 * (`path_invalid`) where a parameter has one of CloudFront's own names.
 */
export function spellQuery(query: string): Result<string, Refusal> {
  if (query === "") return ok("");
  const pairs = canonicalQuery(query)
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => (pair.includes("=") ? pair : `${pair}=`));
  const reserved = pairs.find((pair) => isCloudFrontParameter(pair.slice(0, pair.indexOf("="))));
  if (reserved !== undefined) return refusal("path_invalid", "a parameter of its query has one of CloudFront's names");
  return ok(pairs.join("&"));
}

/**
 * A file that is not canonical, in the spelling that its origin expects: CloudFront passes on what it is asked for. The
 * path begins with a slash. Wildcards in the query are escaped all the same: whoever sends the canned policy as a custom
 * one could write that part of it. Refused (`path_invalid`): what {@link mediaPlaceOf} refuses, an asterisk in the path, and
 * a parameter with one of CloudFront's own names.
 */
export function spellExactly({ path, query }: OriginFile): Result<OriginFile, Refusal> {
  const place = mediaPlaceOf({ path: path.slice(1), query });
  if (!place.ok) return refusal("path_invalid", place.refusal.reason);
  if (path.includes("*")) return refusal("path_invalid", "it holds an asterisk, which CloudFront takes for a wildcard");
  const reserved = query.split("&").find((pair) => isCloudFrontParameter(pair.split("=", 1)[0] ?? ""));
  if (reserved !== undefined) return refusal("path_invalid", "a parameter of its query has one of CloudFront's names");
  return ok({ path, query: query.replaceAll("*", "%2A").replaceAll("?", "%3F") });
}

/**
 * The path that a signed URL opens at its origin, of the raw path in it. Under a canned policy, which is for one URL, it may
 * be one that {@link spellExactly} gave. The refusal says in words why there is none.
 */
export function openedPath(raw: string, policy: "canned" | "custom" | undefined): Result<string, string> {
  const plain = plainPath(raw);
  const fault = pathFault(plain);
  if (fault === undefined) return ok(plain);
  const exact = policy === "canned" && mediaPlaceOf({ path: raw.slice(1), query: "" }).ok;
  return exact && raw.startsWith("/") ? ok(raw) : refuse(fault);
}

/** By the ending that RFC 8216 §4 gives to playlists. */
export function isPlaylist(path: string): boolean {
  const extension = extensionOf(path).toLowerCase();
  return extension === "m3u8" || extension === "m3u";
}

/** The path that {@link spellPath} spelled, or that a viewer wrote plain. Canonical only if `pathFault` says so. */
export function plainPath(spelled: string): string {
  if (!spelled.includes("%")) return spelled;
  let path = spelled;
  for (const [character, escaped] of escapes) path = path.replaceAll(escaped, character);
  return path;
}

export function isCloudFrontParameter(name: string): name is (typeof cloudFrontParameters)[number] {
  return parameterNames.includes(name);
}

function translate(path: string): string {
  let out = "";
  let from = 0;
  for (let i = 0; i < path.length; i++) {
    const escaped = escapes.get(path.charAt(i));
    if (escaped === undefined) continue;
    out += path.slice(from, i) + escaped;
    from = i + 1;
  }
  return from === 0 ? path : out + path.slice(from);
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
