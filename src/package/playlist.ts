import { maxSessionTtl } from "../base/constants.ts";
import type { MediaPurpose } from "../base/media-purpose.ts";
import { isHostPattern } from "../base/origins.ts";
import { ok, type Result } from "../base/result.ts";
import { isUnixSeconds, seconds, systemClock, type UnixSeconds, unixSeconds } from "../base/time.ts";
import { isApplicationScheme } from "../base/uri-scheme.ts";
import { type CompileRefusal, compilePlaylist as compile, type PlaylistContext } from "../playlist/compile.ts";
import { expiriesOf, givenBy } from "../playlist/expiry-plan.ts";
import { fillPlaylist, renderShared } from "../playlist/render.ts";
import type { PlaylistTemplate, Target } from "../playlist/template.ts";
import {
  absolutePath,
  callback,
  checkOptions,
  duration,
  list,
  type MemberRules,
  map,
  optional,
  required,
  someText,
  unixTime,
} from "./check-options.ts";

/** A URL to sign. All uses of a file in a playlist are one URL. */
export interface UrlToSign {
  /** The canonical path on the media host, such as `/film/360p/0.ts`. */
  readonly path: string;
  /** The origin's own query in its canonical spelling, without `?`; empty if there is none. */
  readonly query: string;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly expiry: number;
  /** The quality class of the file. Empty today: reserved for limits of quality. */
  readonly class: string;
  readonly purpose: MediaPurpose;
}

/**
 * A signed URL: `query` is appended to the reference, after the origin's own query; `uri` replaces the reference, for a URL
 * of another host.
 */
export type SignedUrl = { readonly query: string } | { readonly uri: string };

/** Signs a URL, at once or later. It is called once per distinct URL, for at most {@link mostAtOnce} URLs at a time. */
export type Sign = (url: UrlToSign) => SignedUrl | Promise<SignedUrl>;

/** The location of a playlist and of its asset. Only `path` and `prefix` are required. */
export interface PlaylistLocation {
  /** The canonical path of the playlist on the media host: `/film/360p/index.m3u8`. It begins with `prefix`. */
  readonly path: string;
  /** The path of the asset on the media host, with a slash at its end: `/film/`. Only URIs below it are signed. */
  readonly prefix: string;
  /** The origin's query of the playlist's own URL, without `?`. */
  readonly query?: string;
  /** `host[:port]` of the origin, if playlists contain its absolute URLs. */
  readonly originHost?: string;
  /** The origin's path of the asset. The default is `prefix`. */
  readonly originPath?: string;
  /** `host[:port]` of the media host, whose absolute URLs are signed. Required with `allowedHosts`. */
  readonly mediaHost?: string;
  /**
   * Hosts whose URLs stay unsigned: `ads.example.com`, or `*.example.com`, which never covers `mediaHost`. URLs of other hosts
   * are refused.
   */
  readonly allowedHosts?: readonly string[];
  /** Schemes of applications that stay as they are in any tag, such as `skd`. */
  readonly allowedSchemes?: readonly string[];
  /** The variables of the multivariant playlist (EXT-X-DEFINE), for a playlist that imports them. */
  readonly variables?: ReadonlyMap<string, string>;
  /** How long a viewer may pause a film before a URL expires, in seconds. Default: 300. */
  readonly pauseAllowance?: number;
  /** The lifetime of URLs that players open at any time, such as other playlists, in seconds. Default: 6 hours. */
  readonly fileLifetime?: number;
}

/** Why a playlist is not rewritten. The reason is for logs: it may quote the playlist. */
export type PlaylistRefusal = CompileRefusal;

/** A rendition that is not in the rewritten playlist, because players read its line in different ways. */
export interface OmittedRendition {
  /** The line in the text, from 1. */
  readonly line: number;
  /** The tag and why, without its URIs. */
  readonly reason: string;
}

/** A compiled playlist: all its text, with holes for the URIs of the asset. One serves all viewers of a version. */
export interface CompiledPlaylist {
  readonly kind: "multivariant" | "media" | "document";
  /** Whether it is a media playlist that will change. */
  readonly live: boolean;
  /** The distinct URLs to sign, each with the seconds that it must last. */
  readonly urls: readonly (Pick<UrlToSign, "path" | "query" | "purpose"> & { readonly lifetime: number })[];
  /** The renditions that the rewritten playlist does not have. Without them it still plays. */
  readonly leftOut: readonly OmittedRendition[];
  /** The variables that it defines, for `variables` of the playlists that it names. */
  readonly variables: ReadonlyMap<string, string>;
  /** The parts that {@link renderPlaylist} writes. They may change in any release. */
  readonly template: unknown;
}

export interface RenderOptions {
  readonly sign: Sign;
  /** The time in seconds since 1970. The default is the machine's clock. */
  readonly now?: number;
  /** Expiries are rounded up to a multiple of these seconds, so that loads within a step are equal bytes. Default: 30. */
  readonly step?: number;
  /** {@link RenderedPlaylist.expiries} of the version before, so that an announced part keeps its URL. */
  readonly previous?: ReadonlyMap<string, number>;
}

/** `host[:port]`, without a scheme or a path. */
const host = someText(
  "a host without a scheme or path, such as media.example.com or localhost:8788",
  /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i,
);

const locationRules: MemberRules<PlaylistLocation> = {
  path: required(absolutePath),
  prefix: required(someText()),
  query: someText("a query without ?", /^[^?#\s]*$/),
  originHost: host,
  originPath: someText(),
  mediaHost: host,
  allowedHosts: list(
    "an array of hosts in lower case without a scheme, such as ads.example.com or *.ads.example.com",
    isHostPattern,
  ),
  allowedSchemes: list("an array of schemes of applications without a colon, such as skd", (scheme) =>
    isApplicationScheme(scheme.toLowerCase()),
  ),
  variables: map("a Map of texts", (value) => typeof value === "string"),
  pauseAllowance: duration(0, 86_400),
  fileLifetime: duration(1, maxSessionTtl),
};

const renderRules: MemberRules<RenderOptions> = {
  sign: required(callback),
  now: unixTime,
  step: duration(1, 3600, true),
  previous: map("a Map of times, the expiries of the version before", isUnixSeconds),
};

const rewriteRules: MemberRules<RewriteOptions> = { onLeftOut: callback };

export interface RewriteOptions {
  /** Is called before the first signature if renditions are left out: for your log. */
  readonly onLeftOut?: (leftOut: readonly OmittedRendition[]) => void;
}

export interface RenderedPlaylist {
  readonly text: string;
  readonly expiries: ReadonlyMap<string, number>;
}

/** The most signatures that are waited for at the same time. */
const mostAtOnce = 64;

const templates = new WeakMap<CompiledPlaylist, PlaylistTemplate>();

/**
 * Signs every URI of an HLS playlist (RFC 8216bis) that is a file of the asset, and changes no other byte. A rendition
 * (EXT-X-MEDIA, EXT-X-I-FRAME-STREAM-INF, EXT-X-IMAGE-STREAM-INF, EXT-X-SESSION-DATA) whose URI players read in different
 * ways is left out with its line, and `onLeftOut` is told.
 *
 * `playlist_invalid`: it is not a playlist, or players read it in different ways. `uri_foreign`: a URI leaves the asset, and
 * its host is not allowed. `playlist_too_large`: it has too many lines or bytes. `configuration_invalid`: `originPath` is not a
 * path. What `sign` throws is thrown. An option that is misspelt or out of its range is a TypeError that names it.
 */
export async function rewritePlaylist(
  text: string,
  options: PlaylistLocation & RenderOptions & RewriteOptions,
): Promise<Result<string, PlaylistRefusal>> {
  checkOptions("rewritePlaylist", options, { ...locationRules, ...renderRules, ...rewriteRules });
  const compiled = compileNow(text, options);
  if (!compiled.ok) return compiled;
  const { leftOut } = compiled.value;
  if (leftOut.length > 0) options.onLeftOut?.(leftOut);
  return ok((await renderNow(compiled.value, options)).text);
}

/** The first half of {@link rewritePlaylist}, which is the same for all viewers: once per version, in linear time. */
export function compilePlaylist(text: string, location: PlaylistLocation): Result<CompiledPlaylist, PlaylistRefusal> {
  checkOptions("compilePlaylist", location, { ...locationRules, ...optional(renderRules), ...rewriteRules });
  return compileNow(text, location);
}

function compileNow(text: string, location: PlaylistLocation): Result<CompiledPlaylist, PlaylistRefusal> {
  const template = compile(text, contextOf(location));
  if (!template.ok) return template;
  const { kind, live, targets, variables } = template.value;
  const urls = targets.map(({ path, query, purpose, lifetime }) => ({ path, query, purpose, lifetime }));
  const leftOut = withLines(text, template.value.leftOut);
  const compiled: CompiledPlaylist = { kind, live, urls, leftOut, variables, template: template.value };
  templates.set(compiled, template.value);
  return ok(compiled);
}

/** In the order of the text, so that its lines are counted once. */
function withLines(text: string, leftOut: PlaylistTemplate["leftOut"]): readonly OmittedRendition[] {
  let line = 1;
  let counted = 0;
  return leftOut.map(({ start, reason }) => {
    for (let at = text.indexOf("\n", counted); at >= 0 && at < start; at = text.indexOf("\n", at + 1)) line++;
    counted = start;
    return { line, reason };
  });
}

/** The second half of {@link rewritePlaylist}. Throws a TypeError for an object that compilePlaylist did not return. */
export async function renderPlaylist(compiled: CompiledPlaylist, options: RenderOptions): Promise<RenderedPlaylist> {
  checkOptions("renderPlaylist", options, { ...optional(locationRules), ...renderRules, ...rewriteRules });
  return renderNow(compiled, options);
}

async function renderNow(
  compiled: CompiledPlaylist,
  { sign, now = systemClock(), step = 30, previous }: RenderOptions,
): Promise<RenderedPlaylist> {
  const template = templates.get(compiled);
  if (template === undefined) throw new TypeError("it is not a result of compilePlaylist");
  const given =
    previous === undefined ? undefined : new Map([...previous].map(([name, time]) => [name, unixSeconds(time)]));
  const expiries = expiriesOf(template, unixSeconds(now), seconds(step), { given });
  const signed = await signAll(template.targets, expiries, sign);
  const signatureFor = (target: Target) => signed.get(target) ?? { query: "" };
  const text = fillPlaylist(renderShared(template, expiries, signatureFor), signatureFor);
  return { text, expiries: givenBy(template, expiries) };
}

async function signAll(
  targets: readonly Target[],
  expiries: readonly UnixSeconds[],
  sign: Sign,
): Promise<ReadonlyMap<Target, SignedUrl>> {
  const signed = new Map<Target, SignedUrl>();
  for (let from = 0; from < targets.length; from += mostAtOnce) {
    const some = targets.slice(from, from + mostAtOnce);
    const urls = await Promise.all(
      some.map(({ path, query, purpose }, i) =>
        sign({ path, query, purpose, class: "", expiry: expiries[from + i] ?? 0 }),
      ),
    );
    for (const [i, target] of some.entries()) signed.set(target, signedUrlOf(urls[i], target));
  }
  return signed;
}

/** Without its query a URI would leave unsigned; a line break or a quote could end the line or the attribute. */
function signedUrlOf(url: SignedUrl | undefined, { path }: Target): SignedUrl {
  const { query, uri }: { readonly query?: unknown; readonly uri?: unknown } = Object(url);
  if (uri === undefined && isWritable(query)) return { query };
  if (query === undefined && isWritable(uri)) return { uri };
  throw new TypeError(
    `sign must return a query or a URI for ${path}, such as { query: "seg=1796155500.…" }: one of the two, without blanks, quotes and {$`,
  );
}

/** `{$` begins a variable, which players replace (RFC 8216bis §4.3). */
function isWritable(written: unknown): written is string {
  return typeof written === "string" && /^[^\s"\\]+$/.test(written) && !written.includes("{$");
}

function contextOf(location: PlaylistLocation): PlaylistContext {
  const { path, prefix, query = "", originHost, originPath = prefix, mediaHost = "", variables } = location;
  const { allowedHosts = [] } = location;
  if (!prefix.startsWith("/") || !prefix.endsWith("/")) throw new TypeError("prefix begins and ends with a slash");
  if (!path.startsWith(prefix)) throw new TypeError("path begins with prefix");
  if (allowedHosts.length > 0 && mediaHost === "")
    throw new TypeError(
      `mediaHost is missing: give the media host, such as "media.example.com". Without it, its URLs would stay unsigned if allowedHosts (${allowedHosts.join(", ")}) covers it`,
    );
  return {
    prefix,
    path,
    query,
    originHost,
    originPath,
    mediaHost,
    allowedHosts: new Set(allowedHosts),
    allowedSchemes: new Set(location.allowedSchemes?.map((scheme) => scheme.toLowerCase())),
    imported: variables,
    pauseAllowance: seconds(location.pauseAllowance ?? 300),
    fileLifetime: seconds(location.fileLifetime ?? 6 * 3600),
  };
}
