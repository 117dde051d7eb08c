import { createServer, type Socket } from "node:net";

/** Answers a request: it writes the response itself, byte by byte, and may break off at any point. */
export type RawResponder = (socket: Socket, target: string, head: string) => void | Promise<void>;

export interface RawOrigin {
  /** Without a trailing slash. */
  readonly url: string;
  /** The request targets so far, in order. */
  readonly targets: string[];
  stop(): void;
}

/** An HTTP server over bare TCP with one request per connection, for responses that no HTTP library would send. */
export async function startRawOrigin(respond: RawResponder): Promise<RawOrigin> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    let head = "";
    socket.on("data", (bytes) => {
      if (head.endsWith("\r\n\r\n")) return;
      head += bytes.toString("latin1");
      if (!head.endsWith("\r\n\r\n")) return;
      const target = head.split(" ")[1] ?? "";
      targets.push(target);
      void respond(socket, target, head);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, targets, stop };
}

/** A complete HTTP/1.1 response, after which the connection closes. */
export function httpText(status: string, headers: Readonly<Record<string, string>>, body = ""): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\nConnection: close\r\n${lines.join("")}\r\n${body}`;
}
