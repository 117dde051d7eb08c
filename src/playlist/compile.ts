import { isAlias, originFileOf } from "../base/alias.ts";
import { canonicalPathText } from "../base/canonical-path.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { type Seconds, seconds } from "../base/time.ts";
import { attributeList } from "./attributes.ts";
import { type Lifetime, lifetimes, longer, outlivesSkipped, targetDurationOf } from "./expiry-plan.ts";
import { type Inspection, inspect } from "./inspect.ts";
import { linesOf, textFault } from "./lines.ts";
import type { Place } from "./reference.ts";
import { scan } from "./scan.ts";
import type { PlaylistTemplate, Target } from "./template.ts";

/** The location of a playlist, and settings that its text does not contain. */
export interface PlaylistContext {
  /** The asset's prefix on the media host, `/vod-ts/`. */
  readonly prefix: string;
  /** Canonical plain path of the playlist on the media host, `/vod-ts/360p/index.m3u8` or an alias. */
  readonly path: string;
  /** The signed query of its URL. Only this, or the query in its alias, provides EXT-X-DEFINE:QUERYPARAM. */
  readonly query: string;
  /** The target of the origin's redirect, as path and query below the prefix; undefined without a redirect. */
  readonly location?: string | undefined;
  /** `host[:port]` of an HTTP origin; undefined for a bucket. */
  readonly originHost: string | undefined;
  /** The origin's path of the prefix, `/films/42/`; for a bucket a slash and the key prefix. */
  readonly originPath: string;
  /** `host[:port]` of the media host. Its URLs are always signed. */
  readonly mediaHost: string;
  /** Foreign hosts that the asset allows unsigned: `host[:port]` in lower case, or `*.` and the host above them. */
  readonly allowedHosts: ReadonlySet<string>;
  /** Application schemes that the asset allows in any tag, in lower case. */
  readonly allowedSchemes: ReadonlySet<string>;
  /** The multivariant playlist's variables, for EXT-X-DEFINE:IMPORT. */
  readonly imported: ReadonlyMap<string, string> | undefined;
  readonly pauseAllowance: Seconds;
  /** The lifetime of URLs that players may open or reload at any time: the asset's session length. */
  readonly fileLifetime: Seconds;
}

/**
 * Faults of the playlist. `configuration_invalid`: the asset's origin path. `internal_error`: the playlist's own path.
 */
export type CompileRefusal = Refusal<
  "playlist_invalid" | "playlist_too_large" | "uri_foreign" | "configuration_invalid" | "internal_error"
>;

/**
 * Compiles a playlist of the origin, once per version and in linear time, to literals, a hole per URI of the asset, and
 * the purpose and lifetime of each distinct URL.
 *
 * `playlist_invalid`: it is not a playlist, or players read it in different ways. `uri_foreign`: a URI leaves the
 * asset, and the asset does not allow it.
 */
export function compilePlaylist(text: string, context: PlaylistContext): Result<PlaylistTemplate, CompileRefusal> {
  const inspected = readPlaylist(text);
  if (!inspected.ok) return inspected;
  const place = placeOf(context);
  if (!place.ok) return place;
  const deltaUpdates = outlivesSkipped(inspected.value, context);
  const scanned = scan(text, inspected.value.kind, {
    ...context,
    ...place.value,
    deltaUpdates,
  });
  if (!scanned.ok) return scanned;

  const { kind, ended, playlistType, durations, skipped, canSkipUntil } = inspected.value;
  const { assembly, uses, targets: targetOf, variables, traits } = scanned.value;
  const lifetimeOf = lifetimes(inspected.value, context);
  const needs = new Array<Lifetime | undefined>(assembly.urls.length);
  for (const [i, use] of uses.entries()) {
    const target = targetOf[i] ?? 0;
    const before = needs[target];
    const need = lifetimeOf(use);
    needs[target] = before === undefined ? need : longer(before, need);
  }
  const none: Lifetime = { lifetime: seconds(0), reusable: false, minimum: seconds(0), roundTo: seconds(0) };
  const targets: Target[] = assembly.urls.map((url, i) => ({ ...url, ...(needs[i] ?? none) }));
  return ok({
    kind,
    live: kind === "media" && !ended && playlistType !== "VOD",
    literals: assembly.literals,
    leftOut: scanned.value.leftOut,
    holes: assembly.holes,
    targets,
    variables,
    traits: {
      version: traits.version,
      independentSegments: traits.independentSegments,
      bandwidth: traits.bandwidth,
    },
    reloads: {
      canBlock: kind === "media" && traits.canBlock,
      canSkip: canSkipUntil > 0 && deltaUpdates,
      nextSegment: traits.mediaSequence + skipped + durations.length,
      nextPart: traits.parts,
      targetDuration: targetDurationOf(inspected.value),
    },
  });
}

/** The location of a text at its origin, against which its references resolve, and the query of its URL there. */
export function placeOf(
  context: PlaylistContext,
): Result<
  Place & { readonly query: string; readonly queryInUrl: boolean },
  Refusal<"configuration_invalid" | "internal_error">
> {
  const originPath = canonicalPathText(context.originPath);
  if (!originPath.ok) return refusal("configuration_invalid", `the origin's path: ${originPath.refusal}`);
  const rest = context.path.slice(context.prefix.length);
  const file = originFileOf({ path: rest, query: context.query });
  if (!file.ok) return refusal("internal_error", `the playlist's own path: ${file.refusal.reason}`);
  // RFC 3986 §5.1.3: after a redirect the last URL counts; for EXT-X-DEFINE:QUERYPARAM as well (RFC 8216bis §4.4.2.3).
  const [path = "", query = ""] = context.location?.split(/\?(.*)/s, 2) ?? [file.value.path, file.value.query];
  return ok({
    ...context,
    originPath: originPath.value,
    base: originPath.value + path,
    query,
    queryInUrl: !isAlias(rest) && context.location === undefined,
  });
}

/**
 * The first half of compiling, which is independent of the asset. `playlist_invalid`: it is not a playlist, or its
 * segments are ambiguous.
 */
export function readPlaylist(text: string): Result<Inspection, Refusal<"playlist_invalid" | "playlist_too_large">> {
  const fault = textFault(text);
  return fault === undefined ? inspect(text) : refusal("playlist_invalid", fault);
}

/**
 * Whether a playlist imports variables from its multivariant playlist (EXT-X-DEFINE:IMPORT), which must be read first.
 */
export function needsImport(text: string): boolean {
  if (!text.includes("#EXT-X-DEFINE:")) return false;
  for (const line of linesOf(text)) {
    if (line.kind !== "tag" || line.name !== "#EXT-X-DEFINE") continue;
    const list = attributeList(text, line.value, line.end);
    if (list.ok && list.value.some(({ name }) => name === "IMPORT")) return true;
  }
  return false;
}
