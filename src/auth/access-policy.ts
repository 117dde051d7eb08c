import { isCountry } from "../base/country.ts";
import { matchesOrigin } from "../base/origins.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import type { Credential } from "./credential.ts";

/** What the policy needs to know of an asset. */
export interface Playable {
  readonly id: string;
  readonly scope: string;
}

/**
 * Whether a credential opens an asset: it holds the scope that the asset asks for and names the asset, or all.
 * `scope_insufficient`, `asset_forbidden`, `asset_unknown`. What the catalog holds shows only to a credential that names
 * the asset: neither that there is no such asset, nor a scope of the asset's own. Else the answers would list the catalog.
 */
export function decide<Found extends Playable>(
  credential: Credential,
  id: string,
  asset: Found | undefined,
  defaultScope: string,
): Result<Found, Refusal> {
  const named = credential.assets === "*" || credential.assets.has(id);
  const scope = (named ? asset?.scope : undefined) ?? defaultScope;
  if (!credential.scopes.has(scope))
    return refuse({ code: "scope_insufficient", reason: `the token lacks the scope ${scope}`, scope });
  if (!named) return refusal("asset_forbidden", "the token does not open this asset");
  return asset === undefined ? refusal("asset_unknown", "the catalog has no such asset") : ok(asset);
}

/** What an asset asks of who plays it, beside a credential. What it does not say is not asked. */
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

/** From where somebody asks. */
export interface AskedFrom {
  /** ISO 3166-1 alpha-2 as the CDN says it; undefined, `XX` and `T1` where it does not know. */
  readonly country: string | undefined;
  /** The header Origin (RFC 6454 §7), where it came. */
  readonly origin: string | undefined;
}

/**
 * Whether an asset's own conditions hold: to be asked at a start and at each renewal, once {@link decide} has let the
 * credential in, since they are the catalog's and nobody else's business. `asset_not_yet_available` and
 * `asset_no_longer_available` outside its window, which begins with `from` and ends before `until`; `country_forbidden`
 * and `origin_forbidden`, also where the country or the origin is not known: what nobody knows fulfils no condition.
 */
export function conditionsHold(asset: Conditions, from: AskedFrom, now: UnixSeconds): Result<undefined, Refusal> {
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
      return refusal("origin_forbidden", "the asset plays on some sites alone, and no Origin came");
    if (!origins.some((pattern) => matchesOrigin(origin, pattern)))
      return refusal("origin_forbidden", "the asset does not play on the site that Origin names");
  }
  return ok(undefined);
}
