import { isCountry } from "../base/country.ts";
import { equalInConstantTime, type RandomBytes, type TextHash } from "../base/crypto.ts";
import type { Client } from "../sessions/client-network.ts";

/**
 * A CDN in front of the media host: the function of `cloudfront` names the viewer in the one header, and its origin's
 * settings add the secret in the other. CloudFront replaces both if the viewer sends them.
 */
const viewerHeader = "Stagedoor-Viewer";
const secretHeader = "Stagedoor-Edge-Secret";

/** The viewer that a CDN names. Undefined without one of the deployment's secrets: anybody could name any viewer. */
function viewerOfCdn(headers: Headers, secrets: readonly string[]): Viewer | undefined {
  const sent = headers.get(secretHeader);
  if (sent === null) return undefined;
  // All are compared, so that the time does not tell which one was right.
  const known = secrets.filter((secret) => equalInConstantTime(sent, secret));
  if (known.length === 0) return undefined;
  const [address, country] = (headers.get(viewerHeader) ?? "").split(" ");
  return { address: address || undefined, country };
}

interface Viewer {
  readonly address: string | undefined;
  readonly country: string | undefined;
}

/**
 * The client of a request. Cloudflare overwrites any CF-Connecting-IP that a client sends. On a development machine
 * there is no proxy: without the header the client is the machine itself. A CDN with one of `edgeSecrets` names its viewer.
 */
export function clientOf(
  { headers }: Request,
  sha256: TextHash,
  development: boolean,
  edgeSecrets: readonly string[] = [],
): Client {
  const viewer = viewerOfCdn(headers, edgeSecrets);
  const connected = headers.get("CF-Connecting-IP") ?? (development ? "127.0.0.1" : undefined);
  return {
    address: viewer === undefined ? connected : viewer.address,
    userAgentHash: () => sha256(headers.get("User-Agent") ?? ""),
  };
}

/**
 * The request's country (ISO 3166-1 alpha-2), or undefined if it is unknown. It comes from `cf.country`; the header
 * CF-IPCountry is set by Cloudflare only in zones that enable it, and elsewhere by the client. In development the
 * header is accepted, so that countries can be tried out. A CDN with one of `edgeSecrets` names its viewer's.
 */
export function countryOf(
  request: Request,
  development: boolean,
  edgeSecrets: readonly string[] = [],
): string | undefined {
  const viewer = viewerOfCdn(request.headers, edgeSecrets);
  const cf: unknown = Reflect.get(request, "cf");
  const cfCountry: unknown = typeof cf === "object" && cf !== null ? Reflect.get(cf, "country") : undefined;
  const connected = cfCountry ?? (development ? request.headers.get("CF-IPCountry") : undefined);
  const country = viewer === undefined ? connected : viewer.country;
  return typeof country === "string" && isCountry(country) ? country : undefined;
}

/**
 * The number of the client's autonomous system as Cloudflare reports it (`cf.asn`). Unknown on other hosts, and behind a CDN,
 * whose own network would be meant.
 */
export function asnOf(request: Request, edgeSecrets: readonly string[] = []): number | undefined {
  if (viewerOfCdn(request.headers, edgeSecrets) !== undefined) return undefined;
  const cf: unknown = Reflect.get(request, "cf");
  const asn: unknown = typeof cf === "object" && cf !== null ? Reflect.get(cf, "asn") : undefined;
  return typeof asn === "number" && Number.isInteger(asn) && asn > 0 && asn <= 4_294_967_295 ? asn : undefined;
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
