import { devIssuer, type WorkerName } from "../../src/config/configuration.ts";
import type { CloudFrontKey, RingKey } from "../../src/keys/key.ts";
import { publicHalf, withoutPrivateHalf } from "../../src/keys/public.ts";
import { type KeyRing, keysFor } from "../../src/keys/ring.ts";

/** The audience of the development issuer's tokens. */
export const devAudience = "stagedoor-api";

/** The workers of a deployment, in the order of a request. */
export const workerNames = ["api", "manifest", "edge"] as const satisfies readonly WorkerName[];

/**
 * The environment of a worker for development. Each gets what it needs of the ring and no more: the issuer's private key
 * none of them, CloudFront's private keys the manifest worker alone.
 */
export function devEnvironment(
  worker: WorkerName,
  ring: KeyRing,
  mediaUrl: string,
  overrides: Readonly<Record<string, string>>,
) {
  const issuer = {
    issuer: devIssuer,
    audience: devAudience,
    algorithms: ["ES256"],
    jwks: { keys: keysFor(ring, "token").map(publicHalf) },
  };
  return {
    STAGEDOOR_ENV: "development",
    STAGEDOOR_MEDIA_URL: mediaUrl,
    STAGEDOOR_KEYS: JSON.stringify({ keys: keysOf(worker, ring) }),
    ...(worker === "api" ? { STAGEDOOR_ISSUERS: JSON.stringify([issuer]) } : {}),
    ...overrides,
  };
}

function keysOf(worker: WorkerName, ring: KeyRing): RingKey[] {
  const session: readonly RingKey[] = keysFor(ring, "session");
  const pairs: readonly CloudFrontKey[] = keysFor(ring, "cloudfront");
  if (worker === "api") return [...session];
  return worker === "manifest" ? [...session, ...pairs] : [...session, ...pairs.map(withoutPrivateHalf)];
}
