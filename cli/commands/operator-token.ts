import { importJWK, SignJWT } from "jose";
import { after, type Seconds, systemClock, type UnixSeconds } from "../../src/base/seconds.ts";
import { type OperatorScope, operatorIssuer } from "../../src/credential/operator.ts";
import type { OperatorKey } from "../../src/keys/key.ts";
import { type KeyRing, keysFor, signingKey } from "../../src/keys/ring.ts";

export interface OperatorClaims {
  /** Who he is, for people: `sub`. */
  readonly name: string;
  readonly scopes: readonly OperatorScope[];
  readonly lifetime: Seconds;
}

export interface OperatorToken {
  readonly token: string;
  readonly tokenId: string;
  readonly kid: string;
  readonly expiresAt: UnixSeconds;
}

/** The key that signs operators' credentials now; undefined where the ring holds the private half of none. */
export function operatorSigningKey(ring: KeyRing): OperatorKey | undefined {
  return signingKey(
    keysFor(ring, "operator").filter(({ d }) => d !== undefined),
    systemClock(),
  );
}

/** An operator's credential: a JWT of the issuer and for the audience of operators alone, signed with ES256. */
export async function signOperatorToken(key: OperatorKey, claims: OperatorClaims): Promise<OperatorToken> {
  const { name, scopes, lifetime } = claims;
  const { kty, crv, x, y, d, alg, kid } = key;
  if (d === undefined) throw new Error("the ring holds the public half of the operator key alone");
  const now = systemClock();
  const expiresAt = after(now, lifetime);
  const tokenId = crypto.randomUUID();
  const token = await new SignJWT({ scope: scopes.join(" ") })
    .setProtectedHeader({ alg, kid, typ: "JWT" })
    .setIssuer(operatorIssuer)
    .setAudience(operatorIssuer)
    .setSubject(name)
    .setJti(tokenId)
    .setIssuedAt(now)
    .setExpirationTime(expiresAt)
    .sign(await importJWK({ kty, crv, x, y, d }, alg));
  return { token, tokenId, kid, expiresAt };
}
