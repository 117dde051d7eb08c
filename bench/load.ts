import { Agent, request as httpRequest } from "node:http";

export interface BenchRequest {
  readonly method: "GET" | "POST";
  /** The path and query, sent unchanged. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface LoadClient {
  /** Sends the requests, `concurrency` at a time, over persistent connections. Throws at the first wrong status. */
  readonly send: (requests: readonly BenchRequest[], expected: number) => Promise<void>;
  readonly close: () => void;
}

/** A client for a worker on this machine. */
export function loadClient(port: number, concurrency: number): LoadClient {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  return {
    send: async (requests, expected) => {
      let next = 0;
      const connection = async () => {
        for (let request = requests[next++]; request !== undefined; request = requests[next++]) {
          const status = await sendOne(request, port, agent);
          if (status !== expected) throw new Error(`${request.method} returned ${status} instead of ${expected}`);
        }
      };
      await Promise.all(Array.from({ length: concurrency }, connection));
    },
    close: () => agent.destroy(),
  };
}

function sendOne({ method, target, headers, body }: BenchRequest, port: number, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: target, method, agent, headers: { ...headers }, timeout: 60_000 };
    const outgoing = httpRequest(options, (response) => {
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
      response.resume();
    });
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error("the worker did not respond within a minute")));
    outgoing.end(body);
  });
}
