import { importJWK, SignJWT } from "jose";
import { playScope } from "../../src/catalog/asset.ts";
import { devIssuer } from "../../src/config/configuration.ts";
import { type KeyRing, keysFor } from "../../src/keys/ring.ts";
import { devAudience } from "./dev-environment.ts";

export interface DevTokenClaims {
  readonly subject: string;
  /** Ids of assets, or `"*"` for all. */
  readonly assets: readonly string[] | "*";
  /** What a start asks for, where it is left out. */
  readonly scope?: string;
  /** How many streams the subject may run at once; any number where it is left out. */
  readonly streams?: number;
  /** `sid`: the login that it came from; none where it is left out. */
  readonly login?: string;
  readonly lifetimeSeconds: number;
}

/** A bearer token of the development issuer: ES256, good at the local API alone. */
export async function signDevToken(ring: KeyRing, claims: DevTokenClaims): Promise<string> {
  const [key] = keysFor(ring, "token");
  if (key?.d === undefined) throw new Error("the key ring has no private key of the purpose token");
  const { subject, assets, scope = playScope, streams, login, lifetimeSeconds } = claims;
  const { kty, crv, x, y, d } = key;
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({
    scope,
    assets: assets === "*" ? "*" : [...assets],
    ...(streams !== undefined && { streams }),
    ...(login !== undefined && { sid: login }),
  })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt" })
    .setIssuer(devIssuer)
    .setAudience(devAudience)
    .setSubject(subject)
    .setJti(crypto.randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + lifetimeSeconds)
    .sign(await importJWK({ kty, crv, x, y, d }, key.alg));
}
