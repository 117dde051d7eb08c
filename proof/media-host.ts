import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { RequestLog } from "./request-log.ts";

/** A proxy in front of a media host that counts every player's requests. */
export interface MediaHost {
  readonly url: string;
  readonly log: RequestLog;
  stop(): void;
}

/**
 * The delay of a run's requests, in milliseconds. On one machine the network takes no time, although it dominates in
 * production.
 */
export type Distance = (run: string) => number;

/**
 * Listens on `port` and forwards every request unchanged to the server at `targetPort`. The last word of the User-Agent
 * names the run.
 */
export async function startMediaHost(
  port: number,
  targetPort: (path: string) => number,
  distance: Distance,
): Promise<MediaHost> {
  const log = new RequestLog();
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const url = `http://localhost:${port}`;
  const server = createServer((incoming, outgoing) => {
    const delay = distance(runOf(incoming));
    if (delay === 0) forward(incoming, outgoing);
    else setTimeout(forward, delay, incoming, outgoing);
  });
  function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const options = {
      host: "127.0.0.1",
      port: targetPort(incoming.url ?? ""),
      path: incoming.url,
      method: incoming.method,
      agent,
    };
    const forwarded = request({ ...options, headers: incoming.headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
      response.pipe(outgoing);
      void record(log, url, incoming, response);
    });
    forwarded.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
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

/** Records an exchange, with the body of playlists and refusals. */
async function record(
  log: RequestLog,
  host: string,
  incoming: IncomingMessage,
  response: IncomingMessage,
): Promise<void> {
  const { method = "", url = "", headers } = incoming;
  const status = response.statusCode ?? 502;
  const run = runOf(incoming);
  const at = Date.now();
  const isPlaylist = status === 200 && new URL(url, host).pathname.endsWith(".m3u8");
  const exchange = { method, url, range: headers.range, status, at };
  if (!isPlaylist && status < 400) {
    log.add(run, { ...exchange, code: undefined });
    return;
  }
  const text = await textOf(response).catch(() => "");
  if (isPlaylist) log.addPlaylist(new URL(url, host).href, text);
  log.add(run, { ...exchange, code: /"code":\s*"(\w+)"/.exec(text)?.[1] });
}

/** The text also goes to the player at the same time. */
async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    response.on("end", resolve);
    response.on("close", resolve);
    response.on("error", reject);
  });
  return Buffer.concat(chunks).toString();
}
