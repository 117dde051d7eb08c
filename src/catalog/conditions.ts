import { RememberedTexts } from "../base/bounded-map.ts";
import { isCountry } from "../base/country.ts";
import { matchesOrigin } from "../base/origins.ts";
import type { Place } from "../base/place.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import { checkPlaces, type Places } from "./places.ts";
import { checkPlayer, type Players } from "./players.ts";

/** The conditions that an asset sets in addition to a credential. A missing condition is not checked. */
export interface Conditions {
  readonly countries?:
    | { readonly only?: readonly string[] | undefined; readonly except?: readonly string[] | undefined }
    | undefined;
  readonly places?: Places | undefined;
  /** Patterns of `base/origins.ts`. */
  readonly origins?: readonly string[] | undefined;
  /** Whether requests with neither Origin nor Referer pass `origins`. */
  readonly originless?: "allow" | undefined;
  readonly players?: Players | undefined;
  readonly available?:
    | { readonly from?: UnixSeconds | undefined; readonly until?: UnixSeconds | undefined }
    | undefined;
}

/** Where a request comes from: place, web site and player. */
export interface RequestSource extends Place {
  /** The Origin header (RFC 6454 §7), if present. */
  readonly origin: string | undefined;
  /** The Referer header, if present: it counts where there is no Origin. */
  readonly referer?: string | undefined;
  /** The User-Agent, `""` without the header; undefined if a backend describes the client and does not name it. */
  readonly userAgent?: string | undefined;
}

/** The members of a {@link RequestSource}, to pick them from a request. */
export type SourceMember = keyof RequestSource;

export type ConditionRefusal = Refusal<
  | "asset_not_yet_available"
  | "asset_no_longer_available"
  | "country_forbidden"
  | "place_forbidden"
  | "origin_forbidden"
  | "player_refused"
>;

/** Whether {@link checkConditions} reads anything of a request: most assets have no conditions. */
export function hasConditions({ available, countries, places, origins, players }: Conditions): boolean {
  return [available, countries, places, origins, players].some((condition) => condition !== undefined);
}

/** The kinds of an asset's conditions, in words. */
export function conditionNames({ available, countries, places, origins, players }: Conditions): readonly string[] {
  return [
    ...(available === undefined ? [] : ["availability window"]),
    ...(countries === undefined ? [] : ["country"]),
    ...(places === undefined ? [] : ["place"]),
    ...(origins === undefined ? [] : ["origin"]),
    ...(players === undefined ? [] : ["player"]),
  ];
}

/** The members of a place that an asset's conditions ask for. */
export function placeMembersOf({ countries, places }: Conditions): readonly (keyof Place)[] {
  const rules = [...(places?.only ?? []), ...(places?.except ?? [])];
  const asked = {
    country: countries !== undefined || rules.some((rule) => rule.countries !== undefined),
    region: rules.some((rule) => rule.regions !== undefined),
    postal: rules.some((rule) => rule.postal !== undefined),
    asn: rules.some((rule) => rule.asns !== undefined),
    anonymous: places?.anonymous !== undefined,
  };
  return (["country", "region", "postal", "asn", "anonymous"] as const).filter((member) => asked[member]);
}

/**
 * Checks an asset's own conditions, in their one order: at a start, at each renewal, and at each request for a playlist. Call
 * it only after the credential or the media URL was accepted, because the conditions are private to the catalog. An
 * unknown country, place, origin or player fulfils no condition.
 */
export function checkConditions(
  asset: Conditions,
  from: RequestSource,
  now: UnixSeconds,
): Result<undefined, ConditionRefusal> {
  const { available, countries, places, origins, players } = asset;
  if (available?.from !== undefined && now < available.from)
    return refusal("asset_not_yet_available", `the asset is available from ${rfc3339(available.from)} on`);
  if (available?.until !== undefined && now >= available.until)
    return refusal("asset_no_longer_available", `the asset was available until ${rfc3339(available.until)}`);
  if (countries !== undefined) {
    const { country } = from;
    if (country === undefined || !isCountry(country))
      return refusal("country_forbidden", "the asset asks for a country, and the client's is not known");
    if (countries.only?.includes(country) === false || countries.except?.includes(country))
      return refusal("country_forbidden", `the asset does not play in ${country}`);
  }
  const placed = places === undefined ? ok(undefined) : checkPlaces(places, from);
  if (!placed.ok) return placed;
  const onSite = origins === undefined ? ok(undefined) : checkSite(origins, asset.originless, from);
  if (!onSite.ok) return onSite;
  return players === undefined ? ok(undefined) : checkPlayer(players, from.userAgent);
}

/**
 * Whether an asset plays on the site of a request. The Origin decides, and where a player sends none, its Referer: Safari
 * loads a playlist of a `<video src>` so.
 */
function checkSite(
  origins: readonly string[],
  originless: "allow" | undefined,
  { origin, referer }: Pick<RequestSource, "origin" | "referer">,
): Result<undefined, Refusal<"origin_forbidden">> {
  const site = origin ?? (referer === undefined ? undefined : originOf(referer));
  if (site === undefined) {
    if (originless === "allow") return ok(undefined);
    return refusal(
      "origin_forbidden",
      "the asset plays only on certain sites, and the request has neither Origin nor Referer",
    );
  }
  if (sites.of(origins, site, isOneOf)) return ok(undefined);
  return refusal(
    "origin_forbidden",
    `the asset does not play on the site that ${origin === undefined ? "Referer" : "Origin"} names`,
  );
}

/** The pages of an asset are few, and a foreign page can send one origin of its own at most. */
const sites = new RememberedTexts<readonly string[], boolean>(500);

function isOneOf(origins: readonly string[], site: string): boolean {
  return origins.some((pattern) => matchesOrigin(site, pattern));
}

/** The origin of a Referer; a text that is no URL has none that a pattern covers. */
function originOf(referer: string): string {
  return URL.canParse(referer) ? new URL(referer).origin : "null";
}
