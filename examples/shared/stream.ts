import type { Session } from "@stagedoor/player";
import { type Refusal, readRefusal } from "./refusals.ts";

export interface StartOptions {
  /** The API, such as `https://api.example.com`. */
  readonly api: string;
  /** A valid bearer token. It is called for each request, so that it can refresh the viewer's token. */
  readonly token: () => Promise<string>;
  readonly asset: string;
  /** Ends the viewer's oldest stream if they are at their stream limit. */
  readonly takeover?: boolean;
}

/** A started stream, as `keepFresh` of the player helper expects it. */
export interface Stream extends Session {
  readonly renew: () => Promise<Session>;
  /** Why the session ended, for players that show no headers. Undefined if it did not end, or if the API is down. */
  readonly refusal: () => Promise<Refusal | undefined>;
  /** Ends the session, so that it no longer counts towards the viewer's stream limit. */
  readonly end: () => Promise<void>;
}

/** Plays a stream in `video`, and resolves with a function that stops it. A refused start rejects with {@link Refused}. */
export type Play = (
  video: HTMLVideoElement,
  options: StartOptions & { readonly onStop: (refusal: Refusal | undefined) => void },
) => Promise<() => void>;

/** The API refused a request. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code);
    this.refusal = refusal;
  }
}

/** The members of the API's response that the examples use. */
interface StreamSession extends Session {
  readonly sessionId: string;
  readonly grant: string;
}

/** Exchanges a token for a stream: `POST /stream/start`. Rejects with {@link Refused}. */
export async function startStream({ api, token, asset, takeover = false }: StartOptions): Promise<Stream> {
  async function send(method: string, path: string, init: { headers?: HeadersInit; body?: string }): Promise<Response> {
    const headers = { Authorization: `Bearer ${await token()}`, ...init.headers };
    // With keepalive, DELETE arrives although the viewer closes the page.
    const response = await fetch(`${api}/stream/${path}`, { ...init, method, headers, keepalive: true });
    if (response.ok) return response;
    throw new Refused(readRefusal((name) => response.headers.get(name)) ?? { code: `status_${response.status}` });
  }

  async function start(): Promise<StreamSession> {
    const headers = { "Content-Type": "application/json" };
    return (await send("POST", "start", { headers, body: JSON.stringify({ asset, takeover }) })).json();
  }

  let session = await start();

  /** The session id alone is not enough: each request about the session has its latest grant. */
  const sendOwn = (method: string, path = "") =>
    send(method, session.sessionId + path, { headers: { "CTA-Common-Access-Token": session.grant } });

  return {
    ...session,
    async renew() {
      try {
        session = await (await sendOwn("POST", "/renew")).json();
      } catch (error) {
        // After a pause that was longer than the session, another session continues.
        if (!(error instanceof Refused) || error.refusal.code !== "grant_expired") throw error;
        session = await start();
      }
      return session;
    },
    async refusal() {
      try {
        const { state } = await (await sendOwn("GET")).json();
        const codes = new Map([
          ["revoked", "session_revoked"],
          ["taken", "stream_taken"],
          ["shared", "session_shared"],
        ]);
        const code = codes.get(state);
        return code === undefined ? undefined : { code };
      } catch (error) {
        return error instanceof Refused ? error.refusal : undefined;
      }
    },
    async end() {
      await sendOwn("DELETE").catch(() => undefined);
    },
  };
}
