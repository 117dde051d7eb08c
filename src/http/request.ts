import { isCountry } from "../base/country.ts";
import type { RandomBytes, TextHash } from "../base/crypto.ts";
import type { Client } from "../sessions/client-network.ts";

/**
 * The client of a request. Cloudflare overwrites any CF-Connecting-IP that a client sends. On a development machine
 * there is no proxy: without the header the client is the machine itself.
 */
export function clientOf({ headers }: Request, sha256: TextHash, development: boolean): Client {
  return {
    address: headers.get("CF-Connecting-IP") ?? (development ? "127.0.0.1" : undefined),
    userAgentHash: () => sha256(headers.get("User-Agent") ?? ""),
  };
}

/**
 * The request's country (ISO 3166-1 alpha-2), or undefined if it is unknown. It comes from `cf.country`; the header
 * CF-IPCountry is set by Cloudflare only in zones that enable it, and elsewhere by the client. In development the
 * header is accepted, so that countries can be tried out.
 */
export function countryOf(request: Request, development: boolean): string | undefined {
  const cf: unknown = Reflect.get(request, "cf");
  const cfCountry: unknown = typeof cf === "object" && cf !== null ? Reflect.get(cf, "country") : undefined;
  const country = cfCountry ?? (development ? request.headers.get("CF-IPCountry") : undefined);
  return typeof country === "string" && isCountry(country) ? country : undefined;
}

/** Cloudflare's Ray ID, with or without the data centre, or a {@link newRequestId}. */
export const requestIdForm = /^[0-9a-f]{16}(-[A-Z]{3})?$/;

/**
 * The Request-Id: Cloudflare's Ray ID, or 16 random hex digits. Any other text in CF-Ray was written by the client, and
 * the log must not repeat it.
 */
export function requestIdOf(headers: Pick<Headers, "get">, random: RandomBytes): string {
  const ray = headers.get("CF-Ray");
  if (ray !== null && requestIdForm.test(ray)) return ray;
  return newRequestId(random);
}

/** 16 random hex digits. */
export function newRequestId(random: RandomBytes): string {
  return Array.from(random(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
