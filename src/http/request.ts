import { equalInConstantTime, type RandomBytes, type TextHash } from "../base/crypto.ts";
import { type Place, readAsn, readPlace, type ToldPlace, unknownPlace } from "../base/place.ts";
import type { RequestSource } from "../catalog/conditions.ts";
import type { Client } from "../sessions/client-network.ts";

/**
 * A CDN in front of the media host: the function of `cloudfront` names the viewer in the one header, and its origin's
 * settings add the secret in the other. CloudFront replaces both if the viewer sends them.
 */
const viewerHeader = "Stagedoor-Viewer";
const secretHeader = "Stagedoor-Edge-Secret";

/** The viewer that a CDN names. Undefined without one of the deployment's secrets: anybody could name any viewer. */
function viewerOfCdn(headers: Headers, secrets: readonly string[]): Viewer | undefined {
  if (secrets.length === 0) return undefined;
  const sent = headers.get(secretHeader);
  if (sent === null) return undefined;
  // All are compared, so that the time does not tell which one was right.
  const known = secrets.filter((secret) => equalInConstantTime(sent, secret));
  if (known.length === 0) return undefined;
  const [address, country] = (headers.get(viewerHeader) ?? "").split(" ");
  return { address: address || undefined, place: readPlace({ country, ...cloudFrontPlace(headers) }) };
}

/** CloudFront's own headers of a viewer's place, which its origin request policy sends along; a viewer's are replaced. */
export const cloudFrontPlaceHeaders = [
  "CloudFront-Viewer-Country-Region",
  "CloudFront-Viewer-Postal-Code",
  "CloudFront-Viewer-ASN",
] as const;

function cloudFrontPlace(headers: Headers): ToldPlace {
  const [region, postal, asn] = cloudFrontPlaceHeaders.map((name) => headers.get(name));
  return { region, postal, asn: readAsn(asn ?? null) };
}

interface Viewer {
  readonly address: string | undefined;
  readonly place: Place;
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
 * Where a request comes from, as the platform tells it in `cf`: Cloudflare, or the front of a Node process, which reads the
 * headers of trusted proxies. A client cannot write it. The header CF-IPCountry is set by Cloudflare only in zones that
 * enable it, and elsewhere by the client; in development it is accepted, so that countries can be tried out. A CDN with
 * one of `edgeSecrets` names its viewer's place, and its own counts for nothing.
 */
export function placeOf(request: Request, development: boolean, edgeSecrets: readonly string[] = []): Place {
  const { headers } = request;
  const viewer = viewerOfCdn(headers, edgeSecrets);
  if (viewer !== undefined) return viewer.place;
  const cf: unknown = Reflect.get(request, "cf");
  const told = typeof cf === "object" && cf !== null ? cf : development ? {} : undefined;
  if (told === undefined) return unknownPlace;
  const of = (name: string): unknown => Reflect.get(told, name);
  return readPlace({
    country: of("country") ?? (development ? headers.get("CF-IPCountry") : undefined),
    region: of("regionCode"),
    postal: of("postalCode"),
    asn: of("asn"),
    // Cloudflare names Tor, and no other network that hides where its users are. A Node process says what its proxies say.
    anonymous: "anonymous" in told ? told.anonymous : false,
  });
}

/** What an asset's conditions read of a request. */
export function sourceOf(request: Request, development: boolean, edgeSecrets: readonly string[] = []): RequestSource {
  const { headers } = request;
  const { country, region, postal, asn, anonymous } = placeOf(request, development, edgeSecrets);
  return {
    country,
    region,
    postal,
    asn,
    anonymous,
    origin: headers.get("Origin") ?? undefined,
    referer: headers.get("Referer") ?? undefined,
    userAgent: headers.get("User-Agent") ?? "",
  };
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
