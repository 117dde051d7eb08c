import { devIssuer, type WorkerName } from "../../src/config/configuration.ts";
import { ringFor } from "../../src/config/worker-ring.ts";
import { publicHalf } from "../../src/keys/public.ts";
import { type KeyRing, keysFor } from "../../src/keys/ring.ts";

/** The audience of the development issuer's tokens. */
export const devAudience = "stagedoor-api";

/**
 * The environment of a worker for development, with its part of the ring.
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
    operators: true,
    jwks: { keys: keysFor(ring, "token").map(publicHalf) },
  };
  return {
    STAGEDOOR_ENV: "development",
    STAGEDOOR_MEDIA_URL: mediaUrl,
    STAGEDOOR_KEYS: JSON.stringify(ringFor(worker, ring)),
    ...(worker === "api" ? { STAGEDOOR_ISSUERS: JSON.stringify([issuer]) } : {}),
    ...overrides,
  };
}
