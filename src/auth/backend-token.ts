import { decodeProtectedHeader } from "jose";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { type Clock, seconds, type UnixSeconds } from "../base/time.ts";
import type { KeyRing } from "../keys/ring.ts";
import { readJwsParts } from "./claims.ts";
import { backendIssuer, type Credential, type Presented } from "./credential.ts";
import type { RatePolicy } from "./rate-limit.ts";
import { readAuthorization } from "./read-credential.ts";
import { type RingRefusal, ringIssuers, ringRefusal } from "./ring-issuer.ts";
import { type TrustedIssuer, verifyJwt } from "./verify-jwt.ts";

/** The prefix of the issuers that backends' viewers have by default. No issuer of tokens may have it. */
export const backendIssuerPrefix = "backend:";

/** A backend's name: the `sub` of its credentials. */
export const backendName = /^[A-Za-z0-9._-]{1,64}$/;

/** The highest rate of a backend, in requests per minute. */
export const highestBackendRate = 1_000_000;

/** The issuer of backends' credentials: the ring's backend keys. See {@link ringIssuers}. */
export function backendIssuers(ring: KeyRing, clock: Clock): readonly TrustedIssuer[] {
  return ringIssuers(ring, "backend", backendIssuer, clock);
}

/** A web backend that starts streams for its own viewers, by its verified credential. */
export interface Backend {
  readonly name: string;
  /** The key that signed the credential. */
  readonly kid: string;
  /** The credential's own id: its `jti`. */
  readonly tokenId: string;
  readonly scopes: Credential["scopes"];
  readonly assets: Credential["assets"];
  readonly expiresAt: UnixSeconds;
  /** The quota of its requests. */
  readonly rate: RatePolicy;
}

/** Whether a token names the issuer of backends' credentials; it is not verified. */
export function isBackendToken(token: string): boolean {
  const parts = readJwsParts(token);
  return parts.ok && parts.value.claims.iss === backendIssuer;
}

/** Whether an Authorization header contains a token that names the issuer of backends' credentials. */
export function isBackendAuthorization(header: string | null): boolean {
  const read = readAuthorization(header);
  return read.ok && "token" in read.value && isBackendToken(read.value.token);
}

const otherDeployment =
  "Authorization: Send a credential of this deployment. No backend key that it accepts signed this one: it may be of another deployment, or its key may be retired.";

/**
 * Verifies a backend's JWT: sent as a bearer token and signed by a backend key of the ring. The caller checks whether
 * the credential, its name or its key was revoked.
 */
export async function verifyBackend(
  presented: Extract<Presented, { readonly token: string }>,
  backends: readonly TrustedIssuer[],
  now: UnixSeconds,
): Promise<Result<Backend, RingRefusal>> {
  const { token } = presented;
  if (presented.kind !== "bearer")
    return refusal(
      "token_invalid",
      "a backend's credential came with a DPoP proof",
      "Authorization: Use the scheme Bearer.",
    );
  const verified = await verifyJwt(token, backends, now);
  if (!verified.ok) return ringRefusal(verified.refusal, otherDeployment);
  const { credential, jkt } = verified.value;
  return jkt === undefined
    ? readBackend(token, credential)
    : refusal("token_invalid", "the token is bound to a key, and came as a bearer token");
}

/** The members that only backends' credentials have. A credential without its own id could not be revoked. */
function readBackend(
  token: string,
  { subject, tokenId, scopes, assets, expiresAt }: Credential,
): Result<Backend, Refusal<"token_invalid">> {
  const parts = readJwsParts(token);
  const { rate }: { rate?: unknown } = parts.ok ? parts.value.claims : {};
  if (!backendName.test(subject) || tokenId === undefined || !isRate(rate))
    return refusal("token_invalid", "the backend's credential has no usable sub, jti or rate");
  const { kid = "" } = decodeProtectedHeader(token);
  const policy = { name: "backend", quota: rate, window: seconds(60) };
  return ok({ name: subject, kid, tokenId, scopes, assets, expiresAt, rate: policy });
}

function isRate(rate: unknown): rate is number {
  return typeof rate === "number" && Number.isInteger(rate) && rate >= 1 && rate <= highestBackendRate;
}
