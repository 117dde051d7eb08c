import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import type { Credential } from "../credential/credential.ts";

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
