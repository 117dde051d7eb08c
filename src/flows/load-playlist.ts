import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { after, later, type Seconds, seconds, type UnixSeconds } from "../base/seconds.ts";
import type { Asset } from "../catalog/asset.ts";
import { originIdentity } from "../catalog/asset-origin.ts";
import { compilePlaylist, needsImport, type PlaylistContext } from "../playlist/compile.ts";
import { type DeliveryDirectives, holds, type Position, queryForOrigin } from "./delivery-directives.ts";
import { type FetchContext, fetchPlaylist } from "./fetch-playlist.ts";
import type { CompiledPlaylist, PlaylistShelf, PlaylistVersion, ShelvedPlaylist } from "./playlist-shelf.ts";
import { Renderings } from "./renderings.ts";

/** How long a version is given out before the origin is asked again: players poll a live playlist, no other changes. */
const freshFor = { live: 1, still: 10 };

/** How old a version may become that is given out while another request is asking whether it still is the one. */
const givenFor = { live: 3, still: 60 };

/** How long the others leave it to the request that asks. */
const checkTime = seconds(2);

export interface LoadContext extends FetchContext {
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
}

/** A version of an origin's playlist, compiled, and where it is kept. */
export interface LoadedPlaylist {
  /** Its place on the shelf. */
  readonly key: string;
  /** The same without the delivery directives: one name for all answers about one playlist. */
  readonly name: string;
  readonly compiled: CompiledPlaylist;
}

/** What the origin is told of delivery directives, and what the playlist has to hold at least. */
interface Directed {
  readonly query: string;
  readonly least?: Position | undefined;
}

const undirected: Directed = { query: "" };

/** The multivariant playlist that players begin with. */
export function loadEntry(asset: Asset, context: LoadContext): Promise<Result<LoadedPlaylist, Refusal>> {
  return load({ asset, rest: asset.entry, query: "" }, undirected, context);
}

/**
 * The origin's playlist, compiled: read, inspected and taken apart once a version. While it is fresh nobody is asked;
 * after that the origin is asked whether it has changed. Of the viewer's delivery directives the origin is told what the
 * playlist as it was last seen without any admits. `playlist_too_large`, `playlist_invalid`, `uri_foreign`, and what the
 * origin refuses.
 */
export async function loadPlaylist(
  address: PlaylistAddress,
  asked: DeliveryDirectives,
  context: LoadContext,
): Promise<Result<LoadedPlaylist, Refusal>> {
  const { least, skip } = asked;
  if (least === undefined && skip === undefined) return load(address, undirected, context);
  const known = context.shelf.get(placeOf(address) + address.query)?.compiled.template;
  const early = known === undefined ? "" : queryForOrigin(asked, known);
  if (early !== "") return load(address, { query: early, least }, context);
  const plain = await load(address, undirected, context);
  if (!plain.ok) return plain;
  const query = queryForOrigin(asked, plain.value.compiled.template);
  return query === "" ? plain : load(address, { query, least }, context);
}

async function load(
  address: PlaylistAddress,
  directed: Directed,
  context: LoadContext,
): Promise<Result<LoadedPlaylist, Refusal>> {
  const { shelf } = context;
  const place = placeOf(address);
  const query = [address.query, directed.query].filter((part) => part !== "").join("&");
  const [key, name] = [place + query, place + address.query];
  const version = await currentVersion({ ...address, query }, key, directed.least, context);
  if (!version.ok) return version;
  const imported = await importedFor(version.value, address, context);
  if (!imported.ok) return imported;
  const seenWith = { asset: address.asset, imported: imported.value };
  const shelved = shelf.get(key);
  // Another request may have been given a newer version while this one was waiting for its own.
  const newer = shelved !== undefined && shelved.version.checkedAt > version.value.checkedAt;
  const given = newer || shelved?.version === version.value ? shelved?.compiled : undefined;
  if (given?.seenWith.asset === seenWith.asset && given.seenWith.imported === seenWith.imported)
    return ok({ key, name, compiled: given });
  const settings = settingsFor(address, imported.value, context);
  const madeFor = fingerprint(settings);
  if (given?.madeFor === madeFor) {
    given.seenWith = seenWith;
    return ok({ key, name, compiled: given });
  }
  const template = compilePlaylist(version.value.text, settings);
  if (!template.ok) return template;
  const compiled = { template: template.value, madeFor, seenWith, renderings: new Renderings() };
  if (!newer) shelf.put(key, { version: version.value, compiled });
  return ok({ key, name, compiled });
}

/**
 * The version that is given out now. What is not on the shelf, or has lain there too long, each request asks for itself:
 * none may wait for what another one reads, and there is nothing yet that it could be given instead.
 */
async function currentVersion(
  address: PlaylistAddress,
  key: string,
  least: Position | undefined,
  context: LoadContext,
): Promise<Result<PlaylistVersion, Refusal>> {
  const { shelf, now } = context;
  const { asset, rest: path, query } = address;
  const shelved = shelf.get(key);
  const kept = shelved?.version;
  if (shelved !== undefined && mayBeGiven(shelved, least, now)) return ok(shelved.version);
  if (kept !== undefined) kept.checkingUntil = after(now, checkTime);
  const ifNoneMatch = kept?.etag;
  const fetched = await fetchPlaylist({ asset, path, query, method: "GET", ifNoneMatch }, context);
  if (!fetched.ok) {
    // What is gone shall not be given to those who come while somebody is asking for it.
    if (fetched.refusal.code === "object_unknown") shelf.remove(key);
    return fetched;
  }
  const found = fetched.value;
  if (found !== "unchanged" && found.text !== kept?.text)
    return ok({ ...found, imports: needsImport(found.text), checkedAt: now });
  if (kept === undefined) return refusal("origin_failed", `${asset.id}: the origin answered 304 without being asked`);
  if (found !== "unchanged") kept.etag = found.etag;
  kept.checkedAt = later(kept.checkedAt, now);
  return ok(kept);
}

/** One request asks the origin about a version that is no longer fresh; meanwhile the others are given what is kept. */
function mayBeGiven({ version, compiled }: ShelvedPlaylist, least: Position | undefined, now: UnixSeconds): boolean {
  const { live, reloads } = compiled.template;
  if (least !== undefined && live && !holds(reloads, least)) return false;
  const { checkedAt, checkingUntil } = version;
  const kind = live ? "live" : "still";
  const beingChecked = checkingUntil !== undefined && now < checkingUntil;
  return now - checkedAt < (beingChecked ? givenFor : freshFor)[kind];
}

/** The variables of the multivariant playlist where a version takes any; they may have changed since it was compiled. */
async function importedFor(
  version: PlaylistVersion,
  { asset, rest }: PlaylistAddress,
  context: LoadContext,
): Promise<Result<ReadonlyMap<string, string> | undefined, Refusal>> {
  if (!version.imports || rest === asset.entry) return ok(undefined);
  const entry = await loadEntry(asset, context); // RFC 8216bis §4.4.2.3
  return entry.ok ? ok(entry.value.compiled.template.variables) : entry;
}

/** All that a version is compiled from beside its text. */
function settingsFor(
  { asset, rest, query }: PlaylistAddress,
  imported: ReadonlyMap<string, string> | undefined,
  context: LoadContext,
): PlaylistContext {
  const prefix = `/${asset.id}/`;
  return {
    prefix,
    path: prefix + rest,
    query,
    ...originBase(asset),
    mediaHost: context.mediaHost,
    allowedHosts: new Set(asset.allowedHosts),
    imported,
    pauseAllowance: context.pauseAllowance,
    fileLifetime: asset.session ?? context.sessionTtl,
  };
}

/** One text for a context: two that differ in anything, the asset's id or an imported variable, have different ones. */
function fingerprint(context: PlaylistContext): string {
  return JSON.stringify(context, (_, value) => (value instanceof Set || value instanceof Map ? [...value] : value));
}

function placeOf({ asset, rest }: PlaylistAddress): string {
  return `${originIdentity(asset.origin)}${rest}?`;
}

function originBase({ origin }: Asset): { readonly originHost: string | undefined; readonly originPath: string } {
  if (origin.type === "r2") return { originHost: undefined, originPath: `/${origin.prefix}` };
  const { host, pathname } = new URL(origin.url);
  return { originHost: host, originPath: pathname };
}
