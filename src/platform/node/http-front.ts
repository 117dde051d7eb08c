import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { type IpNetwork, parseIpAddress } from "../../base/ip-address.ts";
import { type Place, readAsn } from "../../base/place.ts";
import type { WaitUntil } from "../../base/time.ts";
import { healthPath, readyPath } from "../../http/health.ts";
import type { AnswerRequest } from "../../service/host-ports.ts";
import { inPrefix } from "../../sessions/client-network.ts";

/** One public host of the service, as this process answers it. */
export interface HttpFront {
  /** The host's public URL, without a trailing slash: every request gets it, whatever its Host header says. */
  readonly publicUrl: string;
  readonly answer: AnswerRequest;
  readonly waitUntil: WaitUntil;
  /** The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies: readonly IpNetwork[];
  /** The headers in which these proxies say where a client is, in lower case; undefined for none. */
  readonly placeHeaders?: PlaceHeaders | undefined;
}

/** The name of a proxy's header for each member of a client's place. */
type PlaceHeaders = { readonly [Member in keyof Place]?: string | undefined };

/** What one connection may cost: times in milliseconds, sizes in bytes. A body has its limit in the route that reads it. */
export interface FrontLimits {
  /** The request line and all headers together; more is answered with 431. A grant with a long path has about 3 KiB. */
  readonly headers: number;
  /** How long the headers may take to arrive, and how long the whole request; later is answered with 408. */
  readonly headersTimeout: number;
  readonly requestTimeout: number;
}

export const usualLimits: FrontLimits = { headers: 16 * 1024, headersTimeout: 15_000, requestTimeout: 30_000 };

/** How long an idle connection stays open, in milliseconds: longer than a proxy keeps it, so that the proxy closes first. */
const keepAlive = 75_000;

/** How often connections are checked for the timeouts, in milliseconds. */
const checkEvery = 5_000;

/**
 * Headers that only a CDN or a trusted proxy may set. They are removed from every request; the client's address then
 * comes from the connection.
 */
const proxyHeaders = new Set("cf-connecting-ip cf-ipcountry cf-ray x-forwarded-for x-forwarded-proto".split(" "));

/** What a load balancer asks over plain HTTP: the answers tell nothing that has to be encrypted. */
const metricsPath = "/metrics";
const probes: ReadonlySet<string> = new Set([healthPath, readyPath]);

/**
 * A server that is not listening yet. `current` is asked at each request, so that a new configuration needs no
 * new connection. Requests over plain HTTP are refused by the service, except probes, and metrics that a trusted machine
 * itself asks for.
 */
export function httpFront(current: () => HttpFront, limits: FrontLimits = usualLimits): Server {
  const requests = new WeakMap<object, { readonly front: HttpFront; readonly target: string; readonly cf: object }>();
  const listener = getRequestListener(async (request, { incoming }) => {
    const { front, target, cf } = requests.get(incoming) ?? { front: current(), target: undefined, cf: untold };
    // Where Cloudflare has it: no client can write it.
    Object.defineProperty(request, "cf", { value: cf });
    return front.answer(request, front.waitUntil, target);
  });
  let known: { readonly front: HttpFront; readonly url: URL } | undefined;
  const urlOf = (front: HttpFront): URL => {
    if (known?.front !== front) known = { front, url: new URL(front.publicUrl) };
    return known.url;
  };
  const { headers: maxHeaderSize, headersTimeout, requestTimeout } = limits;
  const connectionsCheckingInterval = Math.min(checkEvery, headersTimeout);
  return createServer(
    { keepAliveTimeout: keepAlive, maxHeaderSize, headersTimeout, requestTimeout, connectionsCheckingInterval },
    (incoming, outgoing) => {
      const front = current();
      const target = incoming.url ?? "/";
      requests.set(incoming, { front, target, cf: toldPlace(incoming, front) });
      const { address, isSecure } = clientOf(incoming, (text) => isTrusted(text, front), target);
      const { host, protocol } = urlOf(front);
      const scheme = protocol === "https:" && !isSecure ? "http:" : protocol;
      // Other forms of a target (RFC 9112 §3.2) are no path, and no route or file has them. In a URL a backslash would be a slash,
      // so the bridge refuses it with an empty response. The media host checks the target itself.
      incoming.url = target.startsWith("/")
        ? `${scheme}//${host}${target.replaceAll("\\", "%5C")}`
        : `${scheme}//${host}/`;
      setAddress(incoming, address);
      void listener(incoming, outgoing);
    },
  );
}

function isTrusted(text: string, { trustedProxies }: HttpFront): boolean {
  const address = parseIpAddress(text);
  if (address === undefined) return false;
  return trustedProxies.some(
    (proxy) => proxy.address.length === address.length && inPrefix(proxy.address, proxy.bits, address),
  );
}

/** What a place is of which nobody told anything. */
const untold = { anonymous: undefined };

/**
 * Where the client is, as a trusted proxy says, in the form of Cloudflare's `cf`. A proxy that names anonymous networks leaves
 * the header out for the others.
 */
function toldPlace({ headers, socket }: IncomingMessage, front: HttpFront): object {
  const { placeHeaders: names } = front;
  if (names === undefined || !isTrusted(socket.remoteAddress ?? "", front)) return untold;
  const told = (name: string | undefined) => (name === undefined ? undefined : [headers[name] ?? []].flat().join(", "));
  const anonymous = told(names.anonymous);
  return {
    country: told(names.country),
    regionCode: told(names.region),
    postalCode: told(names.postal),
    asn: readAsn(told(names.asn) ?? null),
    anonymous: anonymous === "" ? false : anonymous,
  };
}

/** Listens on a port of an address. Rejects if that is not possible, for example because the port is in use. */
export function listenOn(server: Server, port: number, address: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      const bound = server.address();
      if (bound === null || typeof bound === "string") reject(new Error("the server has no port"));
      else resolve(bound);
    });
  });
}

/** Stops listening, and resolves when the last response has ended or `timeout` milliseconds have passed. */
export function drain(server: Server, timeout: number): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), timeout);
    // A connection is idle again after its response, and would be kept for the next request.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    server.close(() => {
      clearTimeout(late);
      clearInterval(idle);
      resolve();
    });
  });
}

/**
 * The client of a connection, or of the first proxy in X-Forwarded-For that is not trusted: each proxy appends the
 * address that it saw, so everything before an untrusted one may be invented.
 */
function clientOf(incoming: IncomingMessage, isTrusted: (address: string) => boolean, target: string) {
  const { headers, socket } = incoming;
  const peer = socket.remoteAddress ?? "";
  const encrypted = "encrypted" in socket || probes.has(target);
  if (!isTrusted(peer)) return { address: peer, isSecure: encrypted };
  const forwarded = listOf(headers["x-forwarded-for"]);
  const address = forwarded.findLast((one) => !isTrusted(one)) ?? forwarded[0] ?? peer;
  const scheme = listOf(headers["x-forwarded-proto"]).at(-1);
  // Without either header the machine of the proxy asks for itself, as a scraper does.
  const isScraper = forwarded.length === 0 && scheme === undefined && target === metricsPath;
  return { address, isSecure: scheme === "https" || encrypted || isScraper };
}

function listOf(header: string | string[] | undefined): readonly string[] {
  return [header ?? []].flat().flatMap((value) => value.split(",").map((one) => one.trim()));
}

/**
 * Replaces the headers of proxies, in both forms that Node has of them, by the client's address. A text that is no
 * address, from a proxy that is trusted, is no address of the client either.
 */
function setAddress(incoming: IncomingMessage, address: string): void {
  const known = parseIpAddress(address) !== undefined;
  const { headers, rawHeaders } = incoming;
  for (const name of proxyHeaders) delete headers[name];
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!proxyHeaders.has(name.toLowerCase())) kept.push(name, rawHeaders[i + 1] ?? "");
  }
  if (known) kept.push(addressHeader, address);
  if (known) headers[addressHeader.toLowerCase()] = address;
  incoming.rawHeaders = kept;
}

const addressHeader = "CF-Connecting-IP";
