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
import { projectRoot } from "../lib/project.ts";

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

const mediaFolder = join(projectRoot, "fixtures/media");

/** The live streams by name, with the films under `fixtures/media` that they are cut out of. */
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

/** Writes what the origin answers as HTTP has it: 200, 206, 304, 416, and 400 or 404 with the reason as text. */
function writeAnswer(
  answer: Exclude<LiveAnswer, { kind: "wait" }>,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
): void {
  if (answer.kind === "none") {
    response.writeHead(answer.status, { "Content-Type": "text/plain", "Cache-Control": "no-store" });
    response.end(`${answer.why}\n`);
    return;
  }
  const body = Buffer.from(answer.body);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const common = { ETag: etag, "Cache-Control": answer.cacheControl };
  if (namesEntityTag(headers["if-none-match"], etag)) {
    response.writeHead(304, common).end();
    return;
  }
  const ifRange = headers["if-range"];
  const asked = typeof ifRange !== "string" || ifRangeMatches(ifRange, etag, null) ? headers.range : undefined;
  const range = method === "GET" ? parseRange(asked) : undefined;
  const place = range === undefined ? { offset: 0, length: body.length } : resolveRange(range, body.length);
  if (place === undefined) {
    response.writeHead(416, { "Content-Range": `bytes */${body.length}`, "Cache-Control": "no-store" }).end();
    return;
  }
  response.writeHead(range === undefined ? 200 : 206, {
    ...common,
    "Content-Type": answer.type,
    "Content-Length": place.length,
    "Accept-Ranges": "bytes",
    ...(range === undefined ? {} : { "Content-Range": contentRange(place, body.length) }),
  });
  response.end(method === "HEAD" ? undefined : body.subarray(place.offset, place.offset + place.length));
}
