import type { RandomBytes } from "../base/random.ts";

/**
 * What a viewer and the log call a request: Cloudflare's Ray ID where it sent one, else 16 random hex digits. Anything else
 * under the name CF-Ray was written by the client, and the log does not repeat what strangers write.
 */
export function requestIdOf(headers: Pick<Headers, "get">, random: RandomBytes): string {
  const ray = headers.get("CF-Ray");
  if (ray !== null && /^[0-9a-f]{16}(-[A-Z]{3})?$/.test(ray)) return ray;
  return newRequestId(random);
}

/** 16 random hex digits. */
export function newRequestId(random: RandomBytes): string {
  return Array.from(random(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
