import { type EdgeBuffer, type EdgeCrypto, edgePrimitives } from "./edge-primitives.ts";
import type { Verdict, VerifierClient, VerifierSettings } from "./verifier-types.ts";
import { verifyMediaUrl } from "./verify-media-url.ts";

/** {@link verifyMediaUrl} with an edge's own `crypto` and `Buffer`: the only export of the script that edges run. */
export function edgeVerifier(
  settings: VerifierSettings,
  crypto: EdgeCrypto,
  buffer: EdgeBuffer,
): (target: string, client: VerifierClient, now: number) => Verdict {
  const primitives = edgePrimitives(crypto, buffer);
  return (target, client, now) => verifyMediaUrl(target, client, now, settings, primitives);
}
