import { isCountry } from "../base/country.ts";
import { matchesOrigin } from "../base/origins.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import type { Credential } from "./credential.ts";

/** The part of an asset that the policy reads. */
export interface Playable {
  readonly id: string;
  readonly scope: string;
}

export type AssetRefusal = Refusal<"scope_insufficient" | "asset_forbidden" | "asset_unknown">;

/**
 * Decides whether a credential opens an asset: it has the asset's scope, and it names the asset or all assets. Only a
 * credential that names the asset learns whether the asset exists and which scope it needs; otherwise the refusals
 * would list the catalog.
 */
export function decide<Found extends Playable>(
  credential: Credential,
  id: string,
  asset: Found | undefined,
  defaultScope: string,
): Result<Found, AssetRefusal> {
  const named = credential.assets === "*" || credential.assets.has(id);
  const scope = (named ? asset?.scope : undefined) ?? defaultScope;
  if (!credential.scopes.has(scope))
    return refuse({ code: "scope_insufficient", reason: `the token lacks the scope ${scope}`, scope });
  if (!named) return refusal("asset_forbidden", "the token does not open this asset");
  return asset === undefined ? refusal("asset_unknown", "the catalog has no such asset") : ok(asset);
}

/** The conditions that an asset sets in addition to a credential. A missing condition is not checked. */
export interface Conditions {
  readonly countries?:
    | { readonly only?: readonly string[] | undefined; readonly except?: readonly string[] | undefined }
    | undefined;
  /** Patterns of `base/origins.ts`. */
  readonly origins?: readonly string[] | undefined;
  readonly available?:
    | { readonly from?: UnixSeconds | undefined; readonly until?: UnixSeconds | undefined }
    | undefined;
}

/** Where a request comes from: country and web site. */
export interface RequestSource {
  /** ISO 3166-1 alpha-2 from the CDN. Undefined, `XX` or `T1` if the country is unknown. */
  readonly country: string | undefined;
  /** The Origin header (RFC 6454 §7), if present. */
  readonly origin: string | undefined;
}

export type ConditionRefusal = Refusal<
  "asset_not_yet_available" | "asset_no_longer_available" | "country_forbidden" | "origin_forbidden"
>;

/**
 * Checks an asset's own conditions, at a start and at each renewal. Call it only after {@link decide} accepted the
 * credential, because the conditions are private to the catalog. An unknown country or origin fulfils no condition.
 */
export function checkConditions(
  asset: Conditions,
  from: RequestSource,
  now: UnixSeconds,
): Result<undefined, ConditionRefusal> {
  const { available, countries, origins } = asset;
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
  if (origins !== undefined) {
    const { origin } = from;
    if (origin === undefined)
      return refusal("origin_forbidden", "the asset plays only on certain sites, and the request has no Origin");
    if (!origins.some((pattern) => matchesOrigin(origin, pattern)))
      return refusal("origin_forbidden", "the asset does not play on the site that Origin names");
  }
  return ok(undefined);
}
