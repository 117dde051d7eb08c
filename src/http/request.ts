import { isCountry } from "../base/country.ts";
import type { RandomBytes, TextHash } from "../base/crypto.ts";
import type { Client } from "../sessions/client-network.ts";

/**
 * Who sends a request. Cloudflare writes CF-Connecting-IP over whatever a client sends under that name; on a development
 * machine nothing stands in front, and who sends none is the machine itself.
 */
export function clientOf({ headers }: Request, sha256: TextHash, development: boolean): Client {
  return {
    address: headers.get("CF-Connecting-IP") ?? (development ? "127.0.0.1" : undefined),
    userAgentHash: () => sha256(headers.get("User-Agent") ?? ""),
  };
}

/**
 * The country that a request comes from (ISO 3166-1 alpha-2), undefined where it is not known. Cloudflare says it beside the
 * request, as `cf.country`; the header CF-IPCountry is written by it only in zones that want it so, and elsewhere by the
 * client himself. On a development machine, where nobody else says it, the header is taken as it was sent.
 */
export function countryOf(request: Request, development: boolean): string | undefined {
  const cf: unknown = Reflect.get(request, "cf");
  const seen: unknown = typeof cf === "object" && cf !== null ? Reflect.get(cf, "country") : undefined;
  const country = seen ?? (development ? request.headers.get("CF-IPCountry") : undefined);
  return typeof country === "string" && isCountry(country) ? country : undefined;
}

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
