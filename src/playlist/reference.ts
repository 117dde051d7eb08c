import { isAlias, isPlain, mediaPlaceOf, originFileOf, sentPath, sentQuery } from "../base/alias.ts";
import { canonicalPathText, canonicalQuery, directoryOf } from "../base/canonical-path.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { isApplicationScheme, isHttpScheme, schemeOf } from "../base/uri-scheme.ts";
import { isLoadedByApplication, type UriRole } from "./tags.ts";

/**
 * The location of a playlist: at the origin, where its references were written, and on the media host, where they are
 * read.
 */
export interface Place {
  /** The asset's prefix on the media host, `/vod-ts/`. */
  readonly prefix: string;
  /** Canonical plain path of the playlist on the media host, `/vod-ts/360p/index.m3u8` or an alias. */
  readonly path: string;
  /** Its path at the origin, in the origin's spelling. References resolve against it (RFC 3986 §5.1). */
  readonly base: string;
  /** `host[:port]` of an HTTP origin; undefined for a bucket. */
  readonly originHost: string | undefined;
  /** The origin's path of the prefix, `/films/42/`. */
  readonly originPath: string;
  /** `host[:port]` of the media host. */
  readonly mediaHost: string;
  /** Foreign hosts that the asset allows unsigned: `host[:port]` in lower case, or `*.` and the host above them. */
  readonly allowedHosts: ReadonlySet<string>;
  /** Application schemes that the asset allows in any tag, in lower case. */
  readonly allowedSchemes: ReadonlySet<string>;
}

/** The target of a URI: a file of the asset, or something that stays unsigned. */
export type Resolved =
  | { readonly kind: "own"; readonly path: string; readonly query: string; readonly reference: string }
  | { readonly kind: "passing" };

/** The smallest known limit of a player is 4,096 bytes. */
const longest = 8192;

/** Schemes that are allowed anywhere, because they lead to no host: DRM systems and inline data. */
const passing: ReadonlySet<string> = new Set(["data", "skd", "urn"]);

/** Roles of files that may contain further URIs. */
const leadsOn: ReadonlySet<UriRole> = new Set(["playlist", "steering", "asset-list", "any"]);

/**
 * Resolves a URI (variables replaced, outer blanks removed) as a player does (RFC 3986 §5.2). A relative reference
 * resolves against the playlist's path at the origin and is mapped to the media host, and so is a URL of the origin's
 * own host, with or without its scheme. A path that is not canonical gets an alias (`base/alias.ts`). A fragment is
 * dropped: players do not send it.
 *
 * `role` is the use of the URI. An application's scheme (`ownkey://7`) is allowed in a KEY, a SESSION-KEY and an
 * X-ASSET-LIST, which applications load themselves, and elsewhere only if the asset allows it.
 *
 * `uri_foreign`: another host that the asset does not allow, user info, a scheme that is neither HTTP nor allowed, a
 * path outside the asset's prefix. `playlist_invalid`: it has no canonical form, or a browser's URL parser reads it
 * differently than RFC 3986.
 */
export function resolve(
  uri: string,
  role: UriRole,
  place: Place,
): Result<Resolved, Refusal<"playlist_invalid" | "uri_foreign">> {
  const scheme = schemeOf(uri);
  const fault = characterFault(uri);
  if (fault !== undefined) return refusal("playlist_invalid", fault);
  if (scheme !== undefined && !isHttpScheme(scheme)) {
    if (passesUnsigned(scheme, role, place)) return ok({ kind: "passing" });
    return refusal("uri_foreign", "a URI has a scheme that is not HTTP and that the asset does not allow here");
  }
  if (uri.length > longest) return refusal("playlist_invalid", "a URI is too long");

  const fragment = uri.indexOf("#");
  const whole = fragment < 0 ? uri : uri.slice(0, fragment);
  const mark = whole.indexOf("?");
  const location = mark < 0 ? whole : whole.slice(0, mark);
  const query = mark < 0 ? "" : whole.slice(mark + 1);
  if (location.includes("\\")) return refusal("playlist_invalid", "a URI contains a backslash");
  if (location === "" && mark < 0) return ok({ kind: "passing" }); // the playlist itself, by its own signed URL

  const rest = scheme === undefined ? location : location.slice(scheme.length + 1);
  if (rest.startsWith("//")) return absolute(scheme, rest.slice(2), query, place);
  // A browser reads "https:a/b" as relative and "https:/host" as absolute, unlike RFC 3986.
  if (scheme !== undefined) return refusal("playlist_invalid", "a URI has a scheme but no host");
  return atOrigin(rest, query, place);
}

/**
 * Whether a URI with this scheme (lower case, not HTTP) stays unsigned in this role. Inline data is refused where it
 * would be a playlist or a document with URIs, which would not be signed.
 */
export function passesUnsigned(scheme: string, role: UriRole, place: Place): boolean {
  if (scheme === "data" && leadsOn.has(role)) return false;
  if (passing.has(scheme)) return true;
  return isApplicationScheme(scheme) && (isLoadedByApplication(role) || place.allowedSchemes.has(scheme));
}

function absolute(
  scheme: string | undefined,
  rest: string,
  query: string,
  place: Place,
): Result<Resolved, Refusal<"playlist_invalid" | "uri_foreign">> {
  const slash = rest.indexOf("/");
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? "/" : rest.slice(slash);
  if (authority === "") return refusal("playlist_invalid", "a URI has an empty host");
  if (authority.includes("@")) return refusal("uri_foreign", "a URI contains user info");
  const host = readHost(authority, scheme);
  if (place.originHost !== undefined && isOwnHost(host, place.originHost)) return atOrigin(path, query, place);
  if (isOwnHost(host, place.mediaHost)) return atMediaHost(path, query, place);
  if (isAllowedHost(host, place.allowedHosts)) return ok({ kind: "passing" });
  return refusal("uri_foreign", "a URI leads to a host that the asset does not allow");
}

/** Resolves a path or a relative reference at the origin. */
function atOrigin(
  written: string,
  query: string,
  place: Place,
): Result<Resolved, Refusal<"playlist_invalid" | "uri_foreign">> {
  return below(place.originPath, written, query, place);
}

/** Resolves a path on the media host, from an author who knew it. */
function atMediaHost(
  written: string,
  query: string,
  place: Place,
): Result<Resolved, Refusal<"playlist_invalid" | "uri_foreign">> {
  const canonical = canonicalPathText(written);
  const rest = canonical.ok ? restBelow(place.prefix, canonical.value) : undefined;
  if (rest === undefined || !isAlias(rest)) return below(place.prefix, written, query, place);
  const file = originFileOf({ path: rest, query });
  return file.ok
    ? signable(place.prefix + rest, "", undefined, place)
    : refusal("playlist_invalid", `a URI is an invalid alias: ${file.refusal.reason}`);
}

/**
 * Resolves a path or a relative reference that must be below `root`, the origin's or the media host's path of the
 * asset's prefix.
 */
function below(
  root: string,
  written: string,
  query: string,
  place: Place,
): Result<Resolved, Refusal<"playlist_invalid" | "uri_foreign">> {
  const canonical = canonicalPathText(written);
  if (!canonical.ok || holdsEscapedReserved(written)) return aliased(root, written, query, place);
  const rest = restBelow(root, join(place.base, canonical.value));
  if (rest === undefined) return leadsOut;
  const sent = query === "" ? "" : sentQuery(query);
  if (!isPlain({ path: rest, query: sent })) return aliased(root, written, query, place);
  const path = place.prefix + rest;
  const own = canonical.value === written && !written.startsWith("/") && means(written, path, place);
  return signable(path, sent, own ? written : undefined, place);
}

/** The same for paths that are not canonical, by the bytes that a player would send to the origin. */
function aliased(
  root: string,
  written: string,
  query: string,
  place: Place,
): Result<Resolved, Refusal<"playlist_invalid" | "uri_foreign">> {
  const rest = restBelow(root, join(place.base, sentPath(written)));
  if (rest === undefined) return leadsOut;
  const found = mediaPlaceOf({ path: rest, query: sentQuery(query) });
  if (found.ok) return signable(place.prefix + found.value.path, found.value.query, undefined, place);
  // A query that no alias can hold is sent in its canonical form.
  const canonical = mediaPlaceOf({ path: rest, query: canonicalQuery(query) });
  if (canonical.ok) return signable(place.prefix + canonical.value.path, canonical.value.query, undefined, place);
  const { code, reason } = found.refusal;
  return code === "uri_foreign"
    ? refusal("uri_foreign", `a URI could lead elsewhere: ${reason}`)
    : refusal("playlist_invalid", `a URI's path is not canonical: ${reason}`);
}

const leadsOut = refusal("uri_foreign", "a URI leaves the asset's prefix");

function signable(
  path: string,
  query: string,
  own: string | undefined,
  place: Place,
): Result<Resolved, Refusal<"playlist_invalid" | "uri_foreign">> {
  return ok({ kind: "own", path, query, reference: own ?? relativeReference(place.path, path) });
}

/**
 * The rest of an absolute path below `root` (canonical), with dot segments resolved. The path's part above may have
 * needless escapes.
 */
function restBelow(root: string, path: string): string | undefined {
  const resolved = removeDotSegments(path);
  if (resolved.startsWith(root)) return resolved.slice(root.length);
  let end = -1;
  for (let i = root.indexOf("/"); i >= 0; i = root.indexOf("/", i + 1)) {
    end = resolved.indexOf("/", end + 1);
    if (end < 0) return undefined;
  }
  const start = canonicalPathText(resolved.slice(0, end + 1));
  return start.ok && start.value === root ? resolved.slice(end + 1) : undefined;
}

/** `!`, `$`, `&`, `'`, `(`, `)`, `*`, `+`, `,`, `:`, `=` and `@`, which a path may hold as they are or escaped. */
const reservedEscapes: ReadonlySet<string> = new Set("21 24 26 27 28 29 2A 2B 2C 3A 3D 40".split(" "));

/**
 * Whether a path escapes a reserved character. `%2A` and `*` are not the same path (RFC 3986 §2.2): S3 reads a bare `+`
 * as a space, and an origin that compares a path token such as `acl=%2a` compares its bytes.
 */
function holdsEscapedReserved(path: string): boolean {
  for (let at = path.indexOf("%"); at >= 0; at = path.indexOf("%", at + 1))
    if (reservedEscapes.has(path.slice(at + 1, at + 3).toUpperCase())) return true;
  return false;
}

/** Whether a relative reference leads to `path` on the media host as it does at the origin. */
function means(reference: string, path: string, place: Place): boolean {
  const joined = join(place.path, reference);
  return !climbsAboveRoot(joined) && removeDotSegments(joined) === path;
}

/** RFC 3986 §5.2.3, and §5.2.2 for an empty path. */
function join(base: string, reference: string): string {
  if (reference === "") return base;
  return reference.startsWith("/") ? reference : directoryOf(base) + reference;
}

/**
 * Why readers of a URI would disagree about it, or undefined. Browsers delete tabs and line breaks, so `htt<tab>p:`
 * would be another scheme here; some players end a line at NEL or U+2028; and players decode bytes that are not UTF-8
 * (`base/lossless-text.ts`) differently.
 */
function characterFault(uri: string): string | undefined {
  for (let i = 0; i < uri.length; i++) {
    const code = uri.charCodeAt(i);
    if (code < 0x20 || code === 0x7f || code === 0x85) return "a URI contains a control character";
    if (code === 0x2028 || code === 0x2029) return "a URI contains a character that is a line break to some players";
  }
  return uri.isWellFormed() ? undefined : "a URI contains bytes that are not UTF-8";
}

/**
 * Removes the dot segments of an absolute path (RFC 3986 §5.2.4). `..` at the root stays at the root, as in browsers.
 */
function removeDotSegments(path: string): string {
  return withoutDotSegments(path).path;
}

/**
 * Whether the dot segments of an absolute path climb above its root. On the media host the grant is above the root, so
 * a player would drop the grant: `/film/../../film/0.ts` becomes `/film/0.ts` instead of `/<grant>/film/0.ts`.
 */
function climbsAboveRoot(path: string): boolean {
  return withoutDotSegments(path).climbs;
}

function withoutDotSegments(path: string): { readonly path: string; readonly climbs: boolean } {
  if (!path.includes("/.")) return { path, climbs: false };
  const kept: string[] = [];
  let climbs = false;
  const parts = path.split("/");
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] ?? "";
    const last = i === parts.length - 1;
    if (part === "..") {
      if (kept.pop() === undefined) climbs = true;
      if (last) kept.push("");
    } else if (part === ".") {
      if (last) kept.push("");
    } else {
      kept.push(part);
    }
  }
  return { path: `/${kept.join("/")}`, climbs };
}

/** The shortest relative reference from the file `from` to `to`, both canonical absolute paths. */
export function relativeReference(from: string, to: string): string {
  const directory = directoryOf(from);
  let shared = 0;
  for (let i = 0; i < directory.length && directory[i] === to[i]; i++) if (directory[i] === "/") shared = i + 1;
  let up = "";
  for (let i = shared; i < directory.length; i++) if (directory[i] === "/") up += "../";
  const reference = up + to.slice(shared);
  if (reference === "") return "./";
  // RFC 3986 §4.2: a colon in the first segment would end a scheme.
  const colon = reference.indexOf(":");
  const slash = reference.indexOf("/");
  return colon >= 0 && (slash < 0 || colon < slash) ? `./${reference}` : reference;
}

/** A URI's `host[:port]` in lower case: as written, and without its scheme's default port. */
export interface Host {
  readonly written: string;
  readonly short: string;
}

/** `authority` has no user info. Without a scheme both default ports are dropped. */
export function readHost(authority: string, scheme: string | undefined): Host {
  const written = authority.toLowerCase();
  return { written, short: withoutPort(written, scheme) };
}

/**
 * Whether a URI's host is `own`, a configured `host[:port]`. The comparison is exact, so an unusual spelling is
 * foreign.
 */
export function isOwnHost(host: Host, own: string): boolean {
  const lower = own.toLowerCase();
  return host.written === lower || host.short === lower || host.short === withoutPort(lower, undefined);
}

/**
 * Whether `allowed` covers a URI's host: exactly, or by a pattern such as `*.ads.example`, which covers every host
 * below `ads.example` but not `ads.example` itself.
 */
export function isAllowedHost({ written, short }: Host, allowed: ReadonlySet<string>): boolean {
  if (allowed.has(written) || allowed.has(short)) return true;
  return isBelowPattern(written, allowed) || (short !== written && isBelowPattern(short, allowed));
}

/** A star covers whole labels: some parsers read `https://evil.example%2F.ads.example` as evil.example. */
function isBelowPattern(host: string, allowed: ReadonlySet<string>): boolean {
  let labelStart = 0;
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (code === 0x2e) {
      if (i === labelStart) return false;
      if (allowed.has(`*${host.slice(i)}`)) return true;
      labelStart = i + 1;
    } else if (!isLabelCharacter(code)) return false;
  }
  return false;
}

/** Lower-case letters, digits, `-`, and the `_` of some internal hosts. */
function isLabelCharacter(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true;
  return (code >= 0x61 && code <= 0x7a) || code === 0x2d || code === 0x5f;
}

function withoutPort(host: string, scheme: string | undefined): string {
  if (host.endsWith(":")) return host.slice(0, -1);
  if (scheme !== "https" && host.endsWith(":80")) return host.slice(0, -3);
  if (scheme !== "http" && host.endsWith(":443")) return host.slice(0, -4);
  return host;
}
