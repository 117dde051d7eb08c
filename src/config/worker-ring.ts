import { withoutBinding, withoutPrivateHalf } from "../keys/public.ts";
import { type KeyRing, keysFor } from "../keys/ring.ts";
import type { WorkerName } from "./configuration.ts";

/**
 * What a worker needs of a whole ring, and no more: a key that signs bearer tokens or operators' credentials none of them,
 * the public halves of operators' keys the API, CloudFront's private halves the manifest worker alone, its public halves the
 * edge and the API, which explains URLs. A key that is retired nobody needs.
 */
export function ringFor(worker: WorkerName, ring: KeyRing): KeyRing {
  const kept = { keys: ring.keys.filter(({ state }) => state !== "retired") };
  const session = keysFor(kept, "session");
  const pairs = keysFor(kept, "cloudfront");
  if (worker === "manifest") return { keys: [...session, ...pairs.map(withoutBinding)] };
  const halves = pairs.map((pair) => withoutPrivateHalf(pair));
  if (worker === "edge") return { keys: [...session, ...halves] };
  return { keys: [...session, ...halves, ...keysFor(kept, "operator").map((pair) => withoutPrivateHalf(pair))] };
}
