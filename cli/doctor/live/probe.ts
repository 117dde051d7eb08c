import type { Clock } from "../../../src/base/time.ts";
import { type KeyRing, keysFor, signingKey } from "../../../src/keys/ring.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { type ProbedHost, probeHeader, probeMark } from "../../../src/signing/probe-mark.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { parseJson } from "../../lib/files.ts";

/** A host's response, read only as far as a check needs it. */
export interface ProbeResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The first 64 KiB of the body. */
  readonly text: string;
  /** `code` of Stagedoor's problem document (RFC 9457). */
  readonly code: string | undefined;
  /** This machine's clock halfway through the exchange, and the duration of the exchange, in milliseconds. */
  readonly at: number;
  readonly duration: number;
}

export interface ProbeOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether to follow redirects; by default the redirect itself is the response. */
  readonly follow?: boolean;
}

/** Sends one request to a host; "silent" if there is no response within the timeout. */
export type Probe = (url: string, options?: ProbeOptions) => Promise<ProbeResponse | "silent">;

export const timeoutMs = 5_000;
const maxBytes = 65_536;

/** A {@link Probe} that uses fetch. The timeout covers the body as well. */
export function probeWith(send: typeof fetch, timeout = timeoutMs): Probe {
  return async (url, { method = "GET", headers = {}, body, follow = false } = {}) => {
    const start = Date.now();
    try {
      const response = await send(url, {
        method,
        headers,
        redirect: follow ? "follow" : "manual",
        signal: AbortSignal.timeout(timeout),
        ...(body === undefined ? {} : { body }),
      });
      const duration = Date.now() - start;
      const text = await readStart(response);
      return {
        status: response.status,
        headers: response.headers,
        text,
        code: problemCode(response, text),
        at: start + duration / 2,
        duration,
      };
    } catch {
      // The error is dropped: it may quote the URL, which may contain a signature.
      return "silent";
    }
  };
}

interface ProbedDeployment {
  readonly apiUrl: string | undefined;
  readonly mediaUrl: string | undefined;
  readonly ring: KeyRing | undefined;
  readonly clock: Clock;
}

/**
 * Marks the requests to the API and the media host under the ring's session key, so that they are not counted there. Without
 * such a key nothing is marked. No other host gets a mark.
 */
export function markedProbe(probe: Probe, { apiUrl, mediaUrl, ring, clock }: ProbedDeployment): Probe {
  const keys = ring === undefined ? undefined : prepared(ring);
  const hosts: readonly (readonly [origin: string, host: ProbedHost])[] = [
    ...(apiUrl === undefined ? [] : [[new URL(apiUrl).origin, "api"] as const]),
    ...(mediaUrl === undefined ? [] : [[new URL(mediaUrl).origin, "media"] as const]),
  ];
  return async (url, options = {}) => {
    const origin = URL.canParse(url) ? new URL(url).origin : undefined;
    const [, host] = hosts.find(([own]) => own === origin) ?? [];
    const key = signingKey((await keys)?.values() ?? [], clock());
    if (host === undefined || key === undefined) return probe(url, options);
    return probe(url, { ...options, headers: { ...options.headers, [probeHeader]: probeMark(key, host, clock()) } });
  };
}

async function prepared(ring: KeyRing) {
  return prepareSessionKeys({ keys: keysFor(ring, "session") }, oneShotHmac);
}

/** The first 64 KiB of a body. */
export async function readStart(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader !== undefined && text.length < maxBytes) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return text;
}

function problemCode({ headers }: Response, text: string): string | undefined {
  if (headers.get("Content-Type")?.startsWith("application/problem+json") !== true) return undefined;
  const code: unknown = Object(parseJson(text)).code;
  return typeof code === "string" ? code : undefined;
}

/** The status and, if there is one, the code: `403 signature_invalid`. */
export function statusText({ status, code }: ProbeResponse): string {
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** Runs a check for each item, four at a time, so that a long catalog does not flood a host with requests. */
export async function checkEach<Item, Finding>(
  items: readonly Item[],
  check: (item: Item) => Promise<readonly Finding[]>,
): Promise<Finding[]> {
  const findings: Finding[][] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) findings[index] = [...(await check(item))];
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return findings.flat();
}
