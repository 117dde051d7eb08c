import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { RequestLog } from "./request-log.ts";

/** A proxy in front of a media host that counts every player's requests. */
export interface MediaHost {
  readonly url: string;
  readonly log: RequestLog;
  stop(): void;
}

/**
 * How long a request of a run takes to arrive here, in milliseconds: on one machine nothing takes any time, and what the
 * network takes in life is what all else has to be seen against.
 */
export type Distance = (run: string) => number;

/**
 * Listens on `port` and hands every request on to the server at `behind`, byte for byte. A run is told by the last word
 * of its User-Agent.
 */
export async function startMediaHost(
  port: number,
  behind: (path: string) => number,
  distance: Distance,
): Promise<MediaHost> {
  const log = new RequestLog();
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const url = `http://localhost:${port}`;
  const server = createServer((incoming, outgoing) => {
    const away = distance(runOf(incoming));
    if (away === 0) handOn(incoming, outgoing);
    else setTimeout(handOn, away, incoming, outgoing);
  });
  function handOn(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const options = {
      host: "127.0.0.1",
      port: behind(incoming.url ?? ""),
      path: incoming.url,
      method: incoming.method,
      agent,
    };
    const onward = request({ ...options, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
      void keep(log, url, incoming, answer);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", resolve);
  });
  return {
    url,
    log,
    stop() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  };
}

function runOf({ headers }: IncomingMessage): string {
  return headers["user-agent"]?.split(" ").at(-1) ?? "";
}

/** Notes an exchange; of playlists and refusals it reads the body as well. */
async function keep(log: RequestLog, host: string, incoming: IncomingMessage, answer: IncomingMessage): Promise<void> {
  const { method = "", url = "", headers } = incoming;
  const status = answer.statusCode ?? 502;
  const run = runOf(incoming);
  const at = Date.now();
  const isPlaylist = status === 200 && new URL(url, host).pathname.endsWith(".m3u8");
  const exchange = { method, url, range: headers.range, status, at };
  if (!isPlaylist && status < 400) {
    log.note(run, { ...exchange, code: undefined });
    return;
  }
  const text = await textOf(answer).catch(() => "");
  if (isPlaylist) log.read(new URL(url, host).href, text);
  log.note(run, { ...exchange, code: /"code":\s*"(\w+)"/.exec(text)?.[1] });
}

/** The text goes to the player at the same time. */
async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  answer.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    answer.on("end", resolve);
    answer.on("close", resolve);
    answer.on("error", reject);
  });
  return Buffer.concat(chunks).toString();
}
