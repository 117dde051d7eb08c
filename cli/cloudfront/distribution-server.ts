import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { DistributionRequest } from "./emulator.ts";

export interface DistributionServer {
  /** Scheme, host and port, as an asset's `cdnUrl` has them. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts an HTTP server on 127.0.0.1 in front of an emulated distribution, for players. 0 lets the system choose the port.
 * Rejects if the port is in use.
 */
export async function startDistribution(
  answer: (request: DistributionRequest) => Promise<Response>,
  port: number,
): Promise<DistributionServer> {
  const server = createServer((incoming, outgoing) => {
    answer(requestOf(incoming)).then(
      (response) => send(response, outgoing),
      () => outgoing.writeHead(502).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the distribution has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The target stays as it was on the wire: a URL object would change it. */
function requestOf({ method = "GET", url = "/", headersDistinct, socket }: IncomingMessage): DistributionRequest {
  const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    values.map((value) => [name, value] as const),
  );
  return { method, target: url, headers, address: socket.remoteAddress ?? "" };
}

function send(response: Response, outgoing: ServerResponse): void {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else Readable.from(response.body).pipe(outgoing);
}
