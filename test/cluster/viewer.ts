import { type DevTokenClaims, signDevToken } from "../../cli/lib/dev-keys.ts";
import type { TestCluster } from "./test-cluster.ts";
import { walk } from "./walk.ts";

export interface Opened {
  readonly sessionId: string;
  readonly grant: string;
  readonly manifestUrl: string;
}

/** An answer, with the code of its problem where it is one. */
export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: unknown;
}

type Addresses = Pick<TestCluster, "apiUrl" | "mediaUrl" | "keys">;

/** A viewer's device with one bearer token; `address` is its IP address, as Cloudflare would send it. */
export async function viewerOf(
  cluster: Addresses,
  subject: string,
  claims: Partial<DevTokenClaims> = {},
  address?: string,
) {
  const token = await signDevToken({ keys: cluster.keys }, { subject, assets: "*", lifetimeSeconds: 900, ...claims });
  const from: Record<string, string> = address === undefined ? {} : { "CF-Connecting-IP": address };
  const ask = (method: string, path: string, more: Readonly<Record<string, string>> = {}, body?: object) =>
    answerOf(
      fetch(cluster.apiUrl + path, {
        method,
        headers: { Authorization: `Bearer ${token}`, ...from, ...more },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
  const own = (opened: Opened) => ({ "CTA-Common-Access-Token": opened.grant });
  const tryStart = (body: object = {}) => ask("POST", "/stream/start", {}, { asset: "vod-ts", ...body });
  return {
    token,
    tryStart,
    start: async (body: object = {}) => openedOf(await tryStart(body)),
    show: (opened: Opened) => ask("GET", `/stream/${opened.sessionId}`, own(opened)),
    renew: (opened: Opened) => ask("POST", `/stream/${opened.sessionId}/renew`, own(opened)),
    end: (opened: Opened) => ask("DELETE", `/stream/${opened.sessionId}`, own(opened)),
    revoke: (body: object) => ask("POST", "/operator/revocations", {}, body),
    get: (url: string) => get(url, address),
  };
}

/** A GET at the media host; a redirect is not followed. */
export function get(url: string, address?: string): Promise<Answer> {
  const headers: Record<string, string> = address === undefined ? {} : { "CF-Connecting-IP": address };
  return answerOf(fetch(url, { redirect: "manual", headers }));
}

export function openedOf({ status, body }: Answer): Opened {
  if (status !== 201 && status !== 200) throw new Error(`not opened: ${status} ${JSON.stringify(body)}`);
  const { sessionId, grant, manifestUrl } = Object(body);
  return { sessionId, grant, manifestUrl };
}

/** A URL of each kind of a session of `vod-ts`. */
export async function urlsOf({ manifestUrl }: Opened) {
  const { playlists, files } = await walk(manifestUrl);
  const segment = [...files].find((url) => new URL(url).pathname.endsWith("/180p/0.ts"));
  const playlist = [...playlists.keys()].find((url) => new URL(url).pathname.endsWith("/180p/index.m3u8"));
  if (segment === undefined || playlist === undefined) throw new Error("the stream names no 180p");
  return { manifest: manifestUrl, playlist, segment };
}

/** How long a test waits for what always comes, in milliseconds: no machine is so slow, so only a fault reaches it. */
export const ceiling = 100_000;

/**
 * Asks again and again until the answer is so, and gives that answer. A test waits for a condition with it, and for nothing
 * else: what takes two seconds on an idle machine may take twenty on a busy one.
 */
export async function until<Value>(
  question: () => Value | Promise<Value>,
  isSo: (value: Value) => boolean,
  interval = 100,
): Promise<Value> {
  const end = Date.now() + ceiling;
  for (;;) {
    const value = await question();
    if (isSo(value)) return value;
    if (Date.now() > end) throw new Error(`it never came to be so: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

/** Asks until it is refused with `code`. Another refusal is a fault. */
export async function untilRefused(url: string, code: string, address?: string): Promise<void> {
  const { code: last } = await until(
    () => get(url, address),
    (answer) => answer.code !== undefined,
  );
  if (last !== code) throw new Error(`it is ${last}, and not ${code}`);
}

/** Starts until that is refused with `code`. Half a second lies between, since starts without pause are slowed down. */
export async function untilStartRefused(start: () => Promise<Answer>, code: string): Promise<Answer> {
  return until(start, (answer) => answer.code === code, 500);
}

export async function answerOf(asked: Promise<Response>): Promise<Answer> {
  const response = await asked;
  const text = await response.text();
  const isJson = response.headers.get("Content-Type")?.includes("json") ?? false;
  const body: unknown = isJson ? JSON.parse(text) : undefined;
  const code: unknown = Object(body).code;
  return { status: response.status, code: typeof code === "string" ? code : undefined, body };
}
