import type { QualityCap } from "../base/quality.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";

/** `iss` and `aud` of backends' credentials. No viewer's token has them, and no viewer issuer may use the name. */
export const backendIssuer = "stagedoor-backend";

/** The caller, as described by a verified credential. */
export interface Credential {
  readonly issuer: string;
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
  /** The ids of the assets that the credential opens, or `"*"` for the whole catalog. */
  readonly assets: ReadonlySet<string> | "*";
  readonly expiresAt: UnixSeconds;
  /** `iat`, if the token has one. For a sign-in session, the time of the sign-in. */
  readonly issuedAt: UnixSeconds | undefined;
  /** `jti`, if the token has one: unique per issuer. */
  readonly tokenId: string | undefined;
  /** `sid`, if the token has one: the issuer's sign-in session, which ends at sign-out. */
  readonly loginId: string | undefined;
  /** The viewer's stream limit, if the token has one. */
  readonly streams: number | undefined;
  /** The best quality of the viewer's plan, if the token says it. */
  readonly quality?: QualityCap | undefined;
  /**
   * Set if a backend named the viewer: `tokenId` is then the id of the backend's credential, and `loginId` the backend's
   * name, both of the issuer of backends.
   */
  readonly backend?: { readonly kid: string } | undefined;
}

/** A verified token and the key binding that it requires. */
export interface VerifiedToken {
  readonly credential: Credential;
  /**
   * `cnf.jkt`: the thumbprint (RFC 7638) of the key that the token is bound to (RFC 9449 §6.1). The sender must prove
   * possession of the key, whatever `dpop` is.
   */
  readonly jkt: string | undefined;
  /** The issuer's setting. `required` refuses every token that is not bound to a key. */
  readonly dpop: "optional" | "required";
}

/**
 * Why a token is not verified. `provider_unavailable`: its issuer, or the issuer's keys, cannot be reached. After a 401
 * for such a failure a player would discard a valid token.
 */
export type TokenRefusal = Refusal<"token_invalid" | "token_expired" | "provider_unavailable">;

/** The credential of a request, parsed but not verified. */
export type Presented =
  /** RFC 6750 §2.1. `jws` if the token has the form of a JWT; every other token is opaque. */
  | { readonly kind: "bearer"; readonly token: string; readonly form: "jws" | "opaque" }
  /** RFC 9449 §7.1: a token that is bound to a key, and the sender's proof of possession. */
  | { readonly kind: "dpop"; readonly token: string; readonly form: "jws" | "opaque"; readonly proof: string }
  /** The session cookie that the browser adds, as `name=value`. */
  | { readonly kind: "cookie"; readonly cookie: string };

/** The port to the store of used DPoP proofs (RFC 9449 §11.1). It rejects if the store does not answer. */
export interface ProofReplay {
  /** Whether this proof is new: true once per key (`jkt`) and `jti`, until the proof is too old to be accepted. */
  firstUse(jkt: string, jti: string, until: UnixSeconds): Promise<boolean>;
}

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
