import { request } from "node:http";
import { request as secureRequest } from "node:https";

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Where a host is reached, if its name says nothing about it. */
export interface Connection {
  readonly port: number;
  /** The certificate. */
  readonly ca: string;
}

/** Sends a request target unchanged. `fetch` would remove its dot segments. `connection` is that of a host of this machine. */
export function rawRequest(
  origin: string,
  target: string,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  connection?: Connection,
): Promise<RawResponse> {
  const { hostname, port } = new URL(origin);
  const { headers } = options;
  const place =
    connection === undefined
      ? { hostname, port }
      : { hostname: "127.0.0.1", ...connection, servername: hostname, headers: { Host: hostname, ...headers } };
  const send = connection === undefined ? request : secureRequest;
  return new Promise((resolve, reject) => {
    const outgoing = send({ path: target, agent: false, ...options, ...place }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
