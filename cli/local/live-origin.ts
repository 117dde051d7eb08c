import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { answerAt, type Channel } from "../../fixtures/live/answer.ts";
import { type MillisecondClock, systemMillisecondClock } from "../../src/base/milliseconds.ts";
import type { OriginSecrets } from "../../src/catalog/origin-secrets.ts";
import { readChannels } from "./live-channels.ts";
import { writeAnswer } from "./live-response.ts";

/** Where fixtures/catalog.json has the live origin. */
export const catalogLiveUrl = "http://127.0.0.1:8789";

/** The header that the live origin asks for, and the variable that holds its value, as fixtures/catalog.json has them. */
const secretHeader = "x-live-origin-secret";
const secretVariable = "LIVE_ORIGIN_SECRET";

/** The live origin's secret, bound to the host and port where it listens. */
export function liveOriginSecrets(host: string): OriginSecrets {
  return { [secretVariable]: { use: "header", header: secretHeader, hosts: [host] } };
}

export interface LiveOrigin {
  readonly url: string;
  /** What the workers need to be let in: a variable of their environment. */
  readonly secrets: Readonly<Record<string, string>>;
  /** And what binds that variable to this origin: STAGEDOOR_ORIGIN_SECRETS. */
  readonly originSecrets: OriginSecrets;
  stop(): Promise<void>;
}

export interface LiveOriginOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** `secret`: for who has the secret header alone. `anybody`: for pages of any site, to compare with. */
  readonly opens?: "secret" | "anybody";
  readonly clock?: MillisecondClock;
}

/**
 * Starts an HTTP server on 127.0.0.1 with the live streams, each in a folder of its name: `/live/index.m3u8`. What is not
 * there yet but soon will be is held until it is. Rejects where the port is taken.
 */
export async function startLiveOrigin(options: LiveOriginOptions): Promise<LiveOrigin> {
  const { port, opens = "secret", clock = systemMillisecondClock } = options;
  const channels = readChannels();
  const secret = randomBytes(32).toString("base64url");
  const server = createServer((request, response) => {
    if (opens === "anybody") response.setHeader("Access-Control-Allow-Origin", "*");
    else if (!isSame(request.headers[secretHeader], secret)) {
      response.writeHead(403).end();
      return;
    }
    answer(channels, clock, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the live origin has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    secrets: { [secretVariable]: secret },
    originSecrets: liveOriginSecrets(`127.0.0.1:${address.port}`),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  channels: ReadonlyMap<string, Channel>,
  clock: MillisecondClock,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { url = "", method = "" } = request;
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD" }).end();
    return;
  }
  const [, name = "", path = "", query = ""] = /^\/([^/?]+)\/([^?]*)\??(.*)$/.exec(url) ?? [];
  const channel = channels.get(name);
  if (channel === undefined) {
    response.writeHead(404).end();
    return;
  }
  let timer: NodeJS.Timeout | undefined;
  const attempt = () => {
    const found = answerAt(channel, path, query, clock());
    if (found.kind !== "wait") return writeAnswer(found, request, response);
    // A timer may ring a moment early: then this waits for that moment.
    timer = setTimeout(attempt, Math.max(1, found.until - clock()));
  };
  response.once("close", () => clearTimeout(timer));
  attempt();
}

/** In constant time; of one length by their hashes. */
function isSame(given: string | readonly string[] | undefined, secret: string): boolean {
  if (typeof given !== "string") return false;
  const [a, b] = [given, secret].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
