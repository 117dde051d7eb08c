import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
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
