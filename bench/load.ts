import { Agent, request } from "node:http";

export interface Shot {
  readonly method: "GET" | "POST";
  /** Path and query, sent as they are. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Gun {
  /** Sends the requests, `concurrency` at a time, over persistent connections. Throws at the first wrong status. */
  readonly fire: (shots: readonly Shot[], expected: number) => Promise<void>;
  readonly close: () => void;
}

/** A client for a worker on this machine. */
export function gun(port: number, concurrency: number): Gun {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  return {
    fire: async (shots, expected) => {
      let next = 0;
      const shooter = async () => {
        for (let shot = shots[next++]; shot !== undefined; shot = shots[next++]) {
          const status = await send(shot, port, agent);
          if (status !== expected) throw new Error(`${shot.method} was answered ${status} instead of ${expected}`);
        }
      };
      await Promise.all(Array.from({ length: concurrency }, shooter));
    },
    close: () => agent.destroy(),
  };
}

function send({ method, target, headers, body }: Shot, port: number, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: target, method, agent, headers: { ...headers }, timeout: 60_000 };
    const sent = request(options, (response) => {
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
      response.resume();
    });
    sent.on("error", reject);
    sent.on("timeout", () => sent.destroy(new Error("the worker did not answer within a minute")));
    sent.end(body);
  });
}
