import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { type IpNetwork, parseIpAddress } from "../../base/ip-address.ts";
import type { WaitUntil } from "../../base/time.ts";
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
}

/** How long an idle connection stays open, in milliseconds: longer than a proxy keeps it, so that the proxy closes first. */
const keepAlive = 75_000;

/**
 * Headers that only a CDN or a trusted proxy may set. They are removed from every request; the client's address then
 * comes from the connection.
 */
const proxyHeaders = new Set("cf-connecting-ip cf-ipcountry cf-ray x-forwarded-for x-forwarded-proto".split(" "));

/** A server that is not listening yet. */
export function httpFront({ publicUrl, answer, waitUntil, trustedProxies }: HttpFront): Server {
  const isTrusted = (text: string) => {
    const address = parseIpAddress(text);
    return (
      address !== undefined &&
      trustedProxies.some(
        (proxy) => proxy.address.length === address.length && inPrefix(proxy.address, proxy.bits, address),
      )
    );
  };
  const targets = new WeakMap<object, string>();
  const { host, protocol } = new URL(publicUrl);
  const listener = getRequestListener(async (request, { incoming }) =>
    answer(request, waitUntil, targets.get(incoming)),
  );
  return createServer(
    { keepAliveTimeout: keepAlive, requestTimeout: 30_000, headersTimeout: 15_000 },
    (incoming, outgoing) => {
      const target = incoming.url ?? "/";
      const { address, isSecure } = clientOf(incoming, isTrusted);
      targets.set(incoming, target);
      const scheme = protocol === "https:" && !isSecure ? "http:" : protocol;
      // Other forms of a target (RFC 9112 §3.2) are no path, and no route or file has them.
      incoming.url = target.startsWith("/") ? `${scheme}//${host}${target}` : `${scheme}//${host}/`;
      setAddress(incoming, address);
      void listener(incoming, outgoing);
    },
  );
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
function clientOf(incoming: IncomingMessage, isTrusted: (address: string) => boolean) {
  const peer = incoming.socket.remoteAddress ?? "";
  const encrypted = "encrypted" in incoming.socket;
  if (!isTrusted(peer)) return { address: peer, isSecure: encrypted };
  const forwarded = listOf(incoming.headers["x-forwarded-for"]);
  const address = forwarded.findLast((one) => !isTrusted(one)) ?? forwarded[0] ?? peer;
  const isSecure = listOf(incoming.headers["x-forwarded-proto"]).at(-1) === "https" || encrypted;
  return { address, isSecure };
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
