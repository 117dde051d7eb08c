import { mediaPlaceOf } from "../base/alias.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { type Milliseconds, milliseconds, type UnixSeconds } from "../base/time.ts";
import { type Asset, entryFile, foreignRulesOf } from "../catalog/asset.ts";
import { originBase } from "../catalog/asset-origin.ts";
import type { Configuration } from "../config/configuration.ts";
import { type CompileRefusal, compilePlaylist, type PlaylistContext } from "../playlist/compile.ts";
import { admitted, type DeliveryDirectives, holds, isAhead } from "../playlist/delivery-directives.ts";
import { compileJsonDocument, isJsonDocument } from "../playlist/json-document.ts";
import { leftOutReason } from "../playlist/left-out.ts";
import { liveEndOf } from "../playlist/live-end.ts";
import {
  covers,
  currentVersion,
  inPlaylist,
  keyOf,
  type PlaylistAddress,
  type VersionContext,
  type VersionRefusal,
} from "./current-version.ts";
import {
  type Circumstances,
  type CompiledPlaylist,
  type PlaylistShelf,
  type PlaylistVersion,
  Renderings,
} from "./playlist-shelf.ts";
import { canBeCovered } from "./playlist-source.ts";

export interface LoadContext extends VersionContext, Pick<Configuration, "mediaUrl" | "pauseAllowance" | "sessionTtl"> {
  readonly now: UnixSeconds;
  /** Called with each new version of a live playlist: how long ago its newest part ended, if the playlist says when. */
  readonly onLive?: ((delay: Milliseconds) => void) | undefined;
  /** `host[:port]` of the media host, and its scheme and host without a trailing slash. */
  readonly mediaHost: string;
}

/** A compiled version of an origin's playlist, and its keys. */
export interface LoadedPlaylist {
  /** Its key on the shelf. */
  readonly key: string;
  /** The same without delivery directives: one name for all responses about a playlist. */
  readonly name: string;
  readonly compiled: CompiledPlaylist;
  /** The version that `compiled` is kept with, if that is one of its quality classes. */
  readonly whole?: CompiledPlaylist;
}

export type LoadRefusal = Refusal<(VersionRefusal | CompileRefusal)["code"]>;

/** Loads the multivariant playlist that players begin with. */
export function loadEntry(asset: Asset, context: LoadContext): Promise<Result<LoadedPlaylist, LoadRefusal>> {
  const { path: rest, query } = entryFile(asset);
  return load({ asset, rest, query }, {}, context);
}

/**
 * Loads a playlist, compiled once per version. A fresh version is used without a request; an expired one is checked
 * with the source. Only delivery directives that the last known version admits are forwarded. If the source fails, or
 * its text is not a playlist, a recent live version is used and the next request asks again.
 */
export async function loadPlaylist(
  address: PlaylistAddress,
  asked: DeliveryDirectives,
  context: LoadContext,
): Promise<Result<LoadedPlaylist, LoadRefusal>> {
  const { least, skip } = asked;
  if (least === undefined && skip === undefined) return load(address, {}, context);
  const early = directivesFor(address, asked, context.shelf);
  const first = await loadOrWhole(address, early, context);
  if (!first.ok || early.least !== undefined || (least === undefined && early.skip !== undefined)) return first;
  // The kept version may have been too old to tell whether the origin waits for `least`. This one is current.
  const { template } = first.value.compiled;
  const isDelta = early.skip !== undefined;
  const late = isDelta ? admitted(asked, template, template) : directivesFor(address, asked, context.shelf, template);
  const same = late.least === undefined && (isDelta || late.skip === undefined);
  return same ? first : loadOrWhole(address, late, context);
}

/** The directives to forward, by the last known version of the playlist, whole or as a delta update. */
function directivesFor(
  address: PlaylistAddress,
  asked: DeliveryDirectives,
  shelf: PlaylistShelf,
  whole = shelf.get(keyOf(address, {}))?.compiled.template,
): DeliveryDirectives {
  if (whole === undefined) return {};
  const { skip } = asked;
  if (skip === undefined || !whole.reloads.canSkip) return admitted(asked, whole, whole);
  const delta = shelf.get(keyOf(address, { skip }))?.compiled.template;
  const known = delta !== undefined && isAhead(delta.reloads, whole.reloads) ? delta : whole;
  return admitted(asked, known, delta);
}

/** If only the delta update fails, the whole playlist is served instead (RFC 8216bis §6.2.5.1). */
async function loadOrWhole(
  address: PlaylistAddress,
  directives: DeliveryDirectives,
  context: LoadContext,
): Promise<Result<LoadedPlaylist, LoadRefusal>> {
  const loaded = await load(address, directives, context);
  const { skip, ...others } = directives;
  // A request that has waited for this long does not wait again.
  if (loaded.ok || skip === undefined || !canBeCovered(loaded.refusal) || loaded.refusal.code === "origin_slow")
    return loaded;
  const whole = await load(address, others, context);
  if (!whole.ok) return loaded;
  context.onRefusal?.(loaded.refusal);
  return whole;
}

async function load(
  address: PlaylistAddress,
  directives: DeliveryDirectives,
  context: LoadContext,
): Promise<Result<LoadedPlaylist, LoadRefusal>> {
  const { shelf } = context;
  // The response to a blocking reload is the playlist itself; a delta update is a different text.
  const [key, name] = [keyOf(address, directives), keyOf(address, {})];
  const version = await currentVersion(address, key, directives, context);
  if (!version.ok) return version;
  const imported = await importedFor(version.value, address, shelf.get(key)?.compiled.seenWith, context);
  if (!imported.ok) return imported;
  const seenWith = { asset: address.asset, imported: imported.value };
  const shelved = shelf.get(key);
  // Another request may have received a newer version while this one waited.
  const newer =
    shelved !== undefined &&
    shelved.version.checkedAt > version.value.checkedAt &&
    (directives.least === undefined || holds(shelved.compiled.template.reloads, directives.least));
  const given = newer || shelved?.version === version.value ? shelved?.compiled : undefined;
  if (given?.seenWith.asset === seenWith.asset && given.seenWith.imported === seenWith.imported)
    return ok({ key, name, compiled: given });
  const settings = settingsFor(address, version.value.location, imported.value, context);
  if (!settings.ok) return settings;
  const madeFor = fingerprint(settings.value);
  if (given?.madeFor === madeFor) {
    given.seenWith = seenWith;
    return ok({ key, name, compiled: given });
  }
  const { text } = version.value;
  const template = isJsonDocument(text)
    ? compileJsonDocument(text, settings.value)
    : compilePlaylist(text, settings.value);
  if (!template.ok) {
    const why = inPlaylist(template.refusal, address);
    // The last version may be used with the asset's present settings: it was compiled for exactly those.
    const last = shelved?.version === version.value ? undefined : shelved;
    const allowed = fingerprint({ ...settings.value, location: last?.version.location });
    const covered = last?.compiled.madeFor === allowed && covers(last, why, context, directives.least === undefined);
    return covered ? ok({ key, name, compiled: last.compiled }) : refuse(why);
  }
  const leftOut = leftOutReason(template.value.leftOut);
  if (leftOut !== undefined)
    context.onRefusal?.(refusal("playlist_invalid", `${address.asset.id}: ${leftOut}`).refusal);
  const compiled = {
    template: template.value,
    text,
    settings: settings.value,
    madeFor,
    seenWith,
    renderings: new Renderings(),
    classes: new Map(),
  };
  if (!newer) {
    if (template.value.live && given === undefined) reportDelay(text, context);
    shelf.put(key, { version: version.value, compiled });
  }
  return ok({ key, name, compiled });
}

/** A date that is further away than an hour is not the time of a live stream: some packagers count from another start. */
const longestDelay = 3_600_000;

function reportDelay(text: string, { onLive, milliseconds: clock }: Pick<LoadContext, "onLive" | "milliseconds">) {
  const end = onLive === undefined ? undefined : liveEndOf(text);
  const delay = end === undefined ? undefined : clock() - end;
  if (delay !== undefined && Math.abs(delay) <= longestDelay) onLive?.(milliseconds(Math.max(0, delay)));
}

/**
 * The multivariant playlist's variables, if a version imports any; they may have changed since it was compiled. If that
 * playlist fails, the previous variables are used, so that a live stream continues.
 */
async function importedFor(
  version: PlaylistVersion,
  address: PlaylistAddress,
  last: Circumstances | undefined,
  context: LoadContext,
): Promise<Result<ReadonlyMap<string, string> | undefined, LoadRefusal>> {
  if (!version.imports || isEntry(address)) return ok(undefined);
  const entry = await loadEntry(address.asset, context); // RFC 8216bis §4.4.2.3
  if (entry.ok) return ok(entry.value.compiled.template.variables);
  if (last?.imported === undefined || last.asset !== address.asset || !canBeCovered(entry.refusal)) return entry;
  context.onRefusal?.(entry.refusal);
  return ok(last.imported);
}

/** Whether players begin with this playlist. */
export function isEntry({ asset, rest, query }: PlaylistAddress): boolean {
  const entry = entryFile(asset);
  return rest === entry.path && query === entry.query;
}

/** Everything that a version is compiled from, except its text. */
function settingsFor(
  { asset, rest, query }: PlaylistAddress,
  location: string | undefined,
  imported: ReadonlyMap<string, string> | undefined,
  context: LoadContext,
): Result<PlaylistContext, Refusal<"internal_error">> {
  const prefix = `/${asset.id}/`;
  const place = mediaPlaceOf({ path: rest, query });
  if (!place.ok) return refusal("internal_error", `${asset.id}: a playlist without a place on the media host`);
  return ok({
    prefix,
    path: prefix + place.value.path,
    query: place.value.query,
    location,
    ...originBase(asset.origin),
    mediaHost: context.mediaHost,
    ...foreignRulesOf(asset),
    imported,
    pauseAllowance: context.pauseAllowance,
    fileLifetime: asset.session ?? context.sessionTtl,
  });
}

/** A text that differs for any difference in the context, such as the asset's id or an imported variable. */
function fingerprint(context: PlaylistContext): string {
  return JSON.stringify(context, (_, value) => (value instanceof Set || value instanceof Map ? [...value] : value));
}
