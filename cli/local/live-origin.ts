import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { answerAt, type Channel, type LiveAnswer } from "../../fixtures/live/answer.ts";
import { renditionsOf } from "../../fixtures/live/entry.ts";
import { readFilm } from "../../fixtures/live/film.ts";
import { liveStreams } from "../../fixtures/live/stream.ts";
import { type MillisecondClock, systemMillisecondClock } from "../../src/base/time.ts";
import type { OriginSecrets } from "../../src/catalog/origin-secrets.ts";
import { contentRange, ifRangeMatches, namesEntityTag, parseRange, resolveRange } from "../../src/origin/ranges.ts";
import { liveOriginSecrets, secretHeader, secretVariable } from "../lib/dev-environment.ts";
import { packageRoot } from "../lib/project.ts";

export interface LiveOrigin {
  readonly url: string;
  /** The variable with the secret that this origin requires of the workers. */
  readonly secrets: Readonly<Record<string, string>>;
  /** STAGEDOOR_ORIGIN_SECRETS, which allows the workers to send that secret to this origin. */
  readonly originSecrets: OriginSecrets;
  stop(): Promise<void>;
}

export interface LiveOriginOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** `secret`: only with the secret header. `anybody`: for pages of any site, to compare with an unprotected stream. */
  readonly access?: "secret" | "anybody";
  readonly clock?: MillisecondClock;
}

/**
 * Starts an HTTP server on 127.0.0.1 with the live streams, each in a folder with its name: `/live/index.m3u8`. A request for
 * a segment or part that will exist soon waits until it does. Rejects if the port is in use.
 */
export async function startLiveOrigin(options: LiveOriginOptions): Promise<LiveOrigin> {
  const { port, access = "secret", clock = systemMillisecondClock } = options;
  const channels = readChannels();
  const secret = randomBytes(32).toString("base64url");
  const server = createServer((request, response) => {
    if (access === "anybody") response.setHeader("Access-Control-Allow-Origin", "*");
    else if (!isSecret(request.headers[secretHeader], secret)) {
      response.writeHead(403).end();
      return;
    }
    handle(channels, clock, request, response);
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

function handle(
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
    const result = answerAt(channel, path, query, clock());
    if (result.kind !== "wait") return send(result, request, response);
    // A timer may fire slightly early; the next attempt then waits for the rest.
    timer = setTimeout(attempt, Math.max(1, result.until - clock()));
  };
  response.once("close", () => clearTimeout(timer));
  attempt();
}

/** Compares in constant time. Hashes have the same length, as timingSafeEqual requires. */
function isSecret(header: string | readonly string[] | undefined, secret: string): boolean {
  if (typeof header !== "string") return false;
  const [a, b] = [header, secret].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

const mediaFolder = join(packageRoot, "fixtures/media");

/** The live streams by name, each with the film under `fixtures/media` that it is cut from. */
export function readChannels(): ReadonlyMap<string, Channel> {
  return new Map(
    [...liveStreams].map(([name, stream]) => {
      const folder = join(mediaFolder, stream.film);
      const entry = readFileSync(join(folder, "index.m3u8"), "utf8");
      const films = renditionsOf(entry).map((rendition) => {
        const playlist = readFileSync(join(folder, rendition, "index.m3u8"), "utf8");
        return [rendition, readFilm(playlist, readFileSync(join(folder, rendition, "film.mp4")))] as const;
      });
      return [name, { stream, entry, films: new Map(films) }];
    }),
  );
}

/** Sends a response: 200, 206, 304 or 416; or 400 or 404 with the reason as text. */
function send(
  result: Exclude<LiveAnswer, { kind: "wait" }>,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
): void {
  if (result.kind === "none") {
    response.writeHead(result.status, { "Content-Type": "text/plain", "Cache-Control": "no-store" });
    response.end(`${result.why}\n`);
    return;
  }
  const body = Buffer.from(result.body);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const common = { ETag: etag, "Cache-Control": result.cacheControl };
  if (namesEntityTag(headers["if-none-match"], etag)) {
    response.writeHead(304, common).end();
    return;
  }
  const ifRange = headers["if-range"];
  const rangeHeader = typeof ifRange !== "string" || ifRangeMatches(ifRange, etag, null) ? headers.range : undefined;
  const range = method === "GET" ? parseRange(rangeHeader) : undefined;
  const slice = range === undefined ? { offset: 0, length: body.length } : resolveRange(range, body.length);
  if (slice === undefined) {
    response.writeHead(416, { "Content-Range": `bytes */${body.length}`, "Cache-Control": "no-store" }).end();
    return;
  }
  response.writeHead(range === undefined ? 200 : 206, {
    ...common,
    "Content-Type": result.type,
    "Content-Length": slice.length,
    "Accept-Ranges": "bytes",
    ...(range === undefined ? {} : { "Content-Range": contentRange(slice, body.length) }),
  });
  response.end(method === "HEAD" ? undefined : body.subarray(slice.offset, slice.offset + slice.length));
}
