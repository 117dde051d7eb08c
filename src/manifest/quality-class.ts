import { capOfClass, type QualityCap } from "../base/quality.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { entryFile } from "../catalog/asset.ts";
import { type CompileRefusal, compilePlaylist, placeOf } from "../playlist/compile.ts";
import { type RestrictedVariants, restrictReports, restrictVariants } from "../playlist/restrict.ts";
import type { PlaylistTemplate } from "../playlist/template.ts";
import { keyOf, type PlaylistAddress } from "./current-version.ts";
import { isEntry, type LoadContext, type LoadedPlaylist, type LoadRefusal, loadEntry } from "./load-playlist.ts";
import { type CompiledPlaylist, Renderings } from "./playlist-shelf.ts";

export type ClassRefusal = Refusal<LoadRefusal["code"] | "quality_unavailable">;

/**
 * A playlist as the sessions of a quality class get it, compiled once per version and class: a multivariant playlist without the
 * variants above the cap, a media playlist without reports about them.
 *
 * `quality_unavailable`: no variant is left, the media playlist is one of those that were left out, or the entry is a media
 * playlist, which does not say its quality.
 */
export async function loadInClass(
  loaded: LoadedPlaylist,
  address: PlaylistAddress,
  qualityClass: string,
  context: LoadContext,
): Promise<Result<LoadedPlaylist, ClassRefusal>> {
  const cap = capOfClass(qualityClass);
  if (cap === undefined) return refusal("quality_unavailable", "this release does not know the quality class");
  const { kind } = loaded.compiled.template;
  if (kind === "document") return ok(loaded);
  if (kind === "multivariant") return variantsInClass(loaded, { qualityClass, cap }, context);
  if (isEntry(address))
    return refusal("quality_unavailable", "the entry is a media playlist, which does not say its quality");
  const entry = await lastEntry(address, context);
  if (!entry.ok) return entry;
  const inClass = variantsInClass(entry.value, { qualityClass, cap }, context);
  if (!inClass.ok) return inClass;
  const left = playlistsIn(inClass.value.compiled);
  // Another line or document may name what the class leaves out, and its segments would be signed for the class.
  const own = nameOf(loaded.compiled.settings);
  const isLeftOut = !left.has(own) && playlistsIn(entry.value.compiled).has(own);
  if (isLeftOut || inClass.value.compiled.gone?.has(own) === true)
    return refusal("quality_unavailable", "the playlist is above the viewer's quality");
  return reportsInClass(loaded, { qualityClass, left }, context);
}

function variantsInClass(
  loaded: LoadedPlaylist,
  { qualityClass, cap }: { readonly qualityClass: string; readonly cap: QualityCap },
  context: LoadContext,
): Result<LoadedPlaylist, ClassRefusal> {
  const { text, settings } = loaded.compiled;
  const restricted = () => {
    const place = placeOf(settings);
    return place.ok ? restrictVariants(text, cap, { ...settings, ...place.value }) : place;
  };
  return madeInClass(loaded, { qualityClass, madeFor: "", restricted }, context);
}

const report = "#EXT-X-RENDITION-REPORT";

function reportsInClass(
  loaded: LoadedPlaylist,
  { qualityClass, left }: { readonly qualityClass: string; readonly left: ReadonlySet<string> },
  context: LoadContext,
): Result<LoadedPlaylist, ClassRefusal> {
  const { text, settings } = loaded.compiled;
  if (!text.includes(report))
    return madeInClass(loaded, { qualityClass, madeFor: "", restricted: () => ok({ text }) }, context);
  const restricted = () => {
    const place = placeOf(settings);
    if (!place.ok) return place;
    const isLeft = (file: Parameters<typeof nameOf>[0]) => left.has(nameOf(file));
    return ok({ text: restrictReports(text, { ...settings, ...place.value }, isLeft) });
  };
  return madeInClass(loaded, { qualityClass, madeFor: [...left].join(" "), restricted }, context);
}

type Restricted = Pick<RestrictedVariants, "text"> & Partial<RestrictedVariants>;

interface Restriction {
  readonly qualityClass: string;
  /** What the restriction depends on, in addition to the version and the class. */
  readonly madeFor: string;
  readonly restricted: () => Result<Restricted, CompileRefusal | Refusal<"quality_unavailable">>;
}

/** The version for a class that is on the shelf, or one that is compiled from the restricted text. */
function madeInClass(
  loaded: LoadedPlaylist,
  { qualityClass, madeFor, restricted }: Restriction,
  { shelf }: Pick<LoadContext, "shelf">,
): Result<LoadedPlaylist, ClassRefusal> {
  const { compiled: whole } = loaded;
  const kept = whole.classes.get(qualityClass);
  if (kept?.madeFor === madeFor) return ok({ ...loaded, compiled: kept, whole });
  const made = restricted();
  if (!made.ok) return made;
  const { text, gone } = made.value;
  const template: Result<PlaylistTemplate, CompileRefusal> =
    text === whole.text ? ok(whole.template) : compilePlaylist(text, whole.settings);
  if (!template.ok) return template;
  const compiled = {
    ...whole,
    template: template.value,
    gone,
    madeFor,
    renderings: new Renderings(),
    classes: new Map(),
  };
  shelf.addClass(loaded.key, whole, { qualityClass, compiled });
  return ok({ ...loaded, compiled, whole });
}

/** The multivariant playlist. If its origin fails, the last known version, so that a film goes on. */
async function lastEntry(
  { asset }: PlaylistAddress,
  context: LoadContext,
): Promise<Result<LoadedPlaylist, LoadRefusal>> {
  const loaded = await loadEntry(asset, context);
  if (loaded.ok) return loaded;
  const { path: rest, query } = entryFile(asset);
  const key = keyOf({ asset, rest, query }, {});
  const last = context.shelf.get(key);
  return last === undefined ? loaded : ok({ key, name: key, compiled: last.compiled });
}

function playlistsIn({ template }: CompiledPlaylist): ReadonlySet<string> {
  return new Set(template.targets.filter(({ purpose }) => purpose === "playlist").map(nameOf));
}

/** A file by its signed path and query. */
function nameOf({ path, query }: { readonly path: string; readonly query: string }): string {
  return `${path}?${query}`;
}
