import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import type { Seconds, UnixSeconds } from "../base/seconds.ts";
import type { Asset } from "../catalog/asset.ts";
import { originIdentity } from "../catalog/asset-origin.ts";
import type { Origin } from "../catalog/origin.ts";
import { compilePlaylist, needsImport, type PlaylistContext } from "../playlist/compile.ts";
import type { PlaylistTemplate } from "../playlist/template.ts";
import type { PlaylistShelf } from "./playlist-shelf.ts";

const largest = 4 * 1024 * 1024;

/** A playlist that players poll is asked for again after a second, one that does not change after ten. */
const freshFor = { live: 1, still: 10 };

export interface LoadContext {
  readonly origin: Origin;
  readonly shelf: PlaylistShelf;
  readonly now: UnixSeconds;
  /** host[:port] of the media host. */
  readonly mediaHost: string;
  readonly pauseAllowance: Seconds;
  /** How long a session lasts where the asset does not say. */
  readonly sessionTtl: Seconds;
}

/** Which playlist: `rest` is its canonical path below the asset's prefix, `query` the origin's own, which was signed. */
export interface PlaylistAddress {
  readonly asset: Asset;
  readonly rest: string;
  readonly query: string;
  /** See `delivery-directives.ts`. */
  readonly directives: string;
}

/** A version of an origin's playlist, and where all that was made of it is kept. */
export interface LoadedPlaylist {
  readonly key: string;
  /** The same without the delivery directives: one name for all answers about one playlist. */
  readonly name: string;
  readonly template: PlaylistTemplate;
}

/**
 * The origin's playlist, compiled: read, inspected and taken apart once a version. While it is fresh nobody is asked;
 * after that the origin is asked whether it has changed. `playlist_too_large`, `playlist_invalid`, `uri_foreign`, and
 * what the origin refuses.
 */
export async function loadPlaylist(
  address: PlaylistAddress,
  context: LoadContext,
): Promise<Result<LoadedPlaylist, Refusal>> {
  const { asset, rest } = address;
  const { shelf, now } = context;
  const query = [address.query, address.directives].filter((part) => part !== "").join("&");
  const place = `${originIdentity(asset.origin)}${rest}?`;
  const [key, name] = [place + query, place + address.query];
  const kept = shelf.get(key);
  if (kept !== undefined && now - kept.checkedAt < (kept.template.live ? freshFor.live : freshFor.still))
    return ok({ key, name, template: kept.template });
  const ifNoneMatch = kept?.etag;
  const answer = await context.origin({
    asset,
    path: rest,
    query,
    method: "GET",
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  });
  if (!answer.ok) return answer;
  if (answer.value.status === 304 && kept !== undefined) {
    kept.checkedAt = now;
    return ok({ key, name, template: kept.template });
  }
  const text = await readText(answer.value);
  if (!text.ok) return text;
  if (kept?.text === text.value) {
    kept.checkedAt = now;
    return ok({ key, name, template: kept.template });
  }
  const template = await compile(text.value, address, context);
  if (!template.ok) return template;
  shelf.put(key, {
    text: text.value,
    template: template.value,
    etag: answer.value.headers.get("etag") ?? undefined,
    checkedAt: now,
  });
  return ok({ key, name, template: template.value });
}

async function compile(
  text: string,
  address: PlaylistAddress,
  context: LoadContext,
): Promise<Result<PlaylistTemplate, Refusal>> {
  const imported = await importedVariables(text, address, context);
  if (!imported.ok) return imported;
  const { asset, rest, query } = address;
  const prefix = `/${asset.id}/`;
  const base = originBase(asset);
  const settings: PlaylistContext = {
    prefix,
    path: `${prefix}${rest}`,
    query,
    ...base,
    mediaHost: context.mediaHost,
    allowedHosts: new Set(asset.allowedHosts),
    imported: imported.value,
    pauseAllowance: context.pauseAllowance,
    fileLifetime: asset.session ?? context.sessionTtl,
  };
  return compilePlaylist(text, settings);
}

/** The variables of the asset's multivariant playlist, where a playlist imports any (RFC 8216bis §4.4.2.3). */
async function importedVariables(
  text: string,
  { asset, rest }: PlaylistAddress,
  context: LoadContext,
): Promise<Result<ReadonlyMap<string, string> | undefined, Refusal>> {
  if (!needsImport(text) || rest === asset.entry) return ok(undefined);
  const entry = await loadPlaylist({ asset, rest: asset.entry, query: "", directives: "" }, context);
  return entry.ok ? ok(entry.value.template.variables) : entry;
}

function originBase({ origin }: Asset): { readonly originHost: string | undefined; readonly originPath: string } {
  if (origin.type === "r2") return { originHost: undefined, originPath: `/${origin.prefix}` };
  const { host, pathname } = new URL(origin.url);
  return { originHost: host, originPath: pathname };
}

async function readText(response: Response): Promise<Result<string, Refusal>> {
  const tooLarge = refusal("playlist_too_large", `the playlist is larger than ${largest} bytes`);
  if (Number(response.headers.get("content-length") ?? 0) > largest) {
    await response.body?.cancel();
    return tooLarge;
  }
  const parts: string[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > largest) return tooLarge;
      parts.push(decoder.decode(chunk, { stream: true }));
    }
    parts.push(decoder.decode());
  } catch (error) {
    // The decoder throws a TypeError for what is not UTF-8 (RFC 8216 §4.1); anything else broke on the way.
    if (error instanceof TypeError) return refusal("playlist_invalid", "the playlist is not UTF-8");
    return refusal("origin_failed", "the playlist broke off");
  }
  return ok(parts.join(""));
}
