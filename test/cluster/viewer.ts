import { type DevTokenClaims, signDevToken } from "../../cli/lib/dev-keys.ts";
import type { TestCluster } from "./test-cluster.ts";
import { walk } from "./walk.ts";

export interface Session {
  readonly sessionId: string;
  readonly grant: string;
  readonly manifestUrl: string;
  readonly sessionExpiresAt: string;
}

/** The status and JSON body of a response, with the code of its problem, if any. */
export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: unknown;
}

interface Addresses extends Pick<TestCluster, "apiUrl" | "mediaUrl" | "keys"> {
  readonly addressHeader?: AddressHeader;
  /** The issuer of bearer tokens; by default the development issuer. */
  readonly issuer?: string;
}

/** The header by which the host in front of a deployment names the client's address: Cloudflare's, or that of a proxy. */
export type AddressHeader = "CF-Connecting-IP" | "X-Forwarded-For";

/** A viewer's device with one bearer token. `address` is its IP address, as the host in front would send it. */
export type Viewer = Awaited<ReturnType<typeof viewerOf>>;

export async function viewerOf(
  cluster: Addresses,
  subject: string,
  claims: Partial<DevTokenClaims> = {},
  address?: string,
) {
  const { addressHeader, keys, issuer } = cluster;
  const all = {
    subject,
    assets: "*",
    lifetimeSeconds: 900,
    ...(issuer !== undefined && { issuer }),
    ...claims,
  } as const;
  const token = await signDevToken({ keys }, all);
  const from = headersFrom(address, addressHeader);
  const ask = (method: string, path: string, more: Readonly<Record<string, string>> = {}, body?: object) =>
    answerOf(
      fetch(cluster.apiUrl + path, {
        method,
        headers: { Authorization: `Bearer ${token}`, ...from, ...more },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
  const own = (session: Session) => ({ "CTA-Common-Access-Token": session.grant });
  const tryStart = (body: object = {}) => ask("POST", "/stream/start", {}, { asset: "vod-ts", ...body });
  return {
    token,
    tryStart,
    start: async (body: object = {}) => sessionOf(await tryStart(body)),
    /** A file URL, and the id of the session that it belongs to. */
    openPoster: async () => {
      const { status, body } = await ask("POST", "/files", {}, { asset: "vod-ts", files: ["poster.jpg"] });
      const { sessionId, files } = Object(body);
      if (status !== 200 && status !== 201) throw new Error(`no file: ${status} ${JSON.stringify(body)}`);
      return { sessionId: String(sessionId), url: String(files[0].url) };
    },
    show: (session: Session) => ask("GET", `/stream/${session.sessionId}`, own(session)),
    renew: (session: Session) => ask("POST", `/stream/${session.sessionId}/renew`, own(session)),
    end: (session: Session) => ask("DELETE", `/stream/${session.sessionId}`, own(session)),
    revoke: (body: object) => ask("POST", "/operator/revocations", {}, body),
    get: (url: string) => get(url, address, addressHeader),
  };
}

function headersFrom(address: string | undefined, header: AddressHeader = "CF-Connecting-IP"): Record<string, string> {
  return address === undefined ? {} : { [header]: address };
}

/** Sends a GET request to the media host. It does not follow redirects. */
export function get(url: string, address?: string, header?: AddressHeader): Promise<Answer> {
  return answerOf(fetch(url, { redirect: "manual", headers: headersFrom(address, header) }));
}

export function sessionOf({ status, body }: Answer): Session {
  if (status !== 201 && status !== 200) throw new Error(`no session: ${status} ${JSON.stringify(body)}`);
  const { sessionId, grant, manifestUrl, sessionExpiresAt } = Object(body);
  return { sessionId, grant, manifestUrl, sessionExpiresAt };
}

/** One URL of each kind of a session of `vod-ts`. */
export async function urlsOf({ manifestUrl }: Session) {
  const { playlists, files } = await walk(manifestUrl);
  const segment = [...files].find((url) => new URL(url).pathname.endsWith("/180p/0.ts"));
  const playlist = [...playlists.keys()].find((url) => new URL(url).pathname.endsWith("/180p/index.m3u8"));
  if (segment === undefined || playlist === undefined) throw new Error("the stream names no 180p");
  return { manifest: manifestUrl, playlist, segment };
}

/**
 * The timeout of a wait for an expected event, in milliseconds. No machine is this slow, so only a fault reaches it.
 */
export const ceiling = 100_000;

/**
 * Repeats `probe` until its result satisfies `condition`, and returns the result. Every wait of a test is for a
 * condition: what takes two seconds on an idle machine may take twenty on a busy one.
 */
export async function until<Value>(
  probe: () => Value | Promise<Value>,
  condition: (value: Value) => boolean,
  interval = 100,
): Promise<Value> {
  const end = Date.now() + ceiling;
  for (;;) {
    const value = await probe();
    if (condition(value)) return value;
    if (Date.now() > end) throw new Error(`the condition was never met: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

/** Loads a URL until it is refused with `code`. A refusal with another code fails the test. */
export async function untilRefused(url: string, code: string, address?: string, header?: AddressHeader): Promise<void> {
  const { code: last } = await until(
    () => get(url, address, header),
    (answer) => answer.code !== undefined,
  );
  if (last !== code) throw new Error(`the refusal is ${last}, not ${code}`);
}

/**
 * Starts a stream until that is refused with `code`. It waits half a second between starts, since frequent starts are
 * throttled.
 */
export async function untilStartRefused(start: () => Promise<Answer>, code: string): Promise<Answer> {
  return until(start, (answer) => answer.code === code, 500);
}

export async function answerOf(pending: Promise<Response>): Promise<Answer> {
  const response = await pending;
  const text = await response.text();
  const isJson = response.headers.get("Content-Type")?.includes("json") ?? false;
  const body: unknown = isJson ? JSON.parse(text) : undefined;
  const code: unknown = Object(body).code;
  return { status: response.status, code: typeof code === "string" ? code : undefined, body };
}
