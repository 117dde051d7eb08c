import { withoutPrivateHalf } from "../keys/public.ts";
import { type KeyRing, keysFor } from "../keys/ring.ts";
import type { WorkerName } from "./configuration.ts";

/**
 * What a worker needs of a whole ring, and no more: a key that signs bearer tokens or operators' credentials none of them,
 * the public halves of operators' keys the API, CloudFront's private halves the manifest worker alone, its public halves the
 * edge.
 */
export function ringFor(worker: WorkerName, ring: KeyRing): KeyRing {
  const session = keysFor(ring, "session");
  const pairs = keysFor(ring, "cloudfront");
  if (worker === "api")
    return { keys: [...session, ...keysFor(ring, "operator").map((pair) => withoutPrivateHalf(pair))] };
  return { keys: [...session, ...(worker === "manifest" ? pairs : pairs.map((pair) => withoutPrivateHalf(pair)))] };
}
