import { createServer } from "node:net";

/** Whether somebody listens on `port` of this machine already, on either loopback address. */
export async function isTaken(port: number): Promise<boolean> {
  const answers = await Promise.all(["127.0.0.1", "::1"].map((host) => canListen(port, host)));
  return answers.includes("taken");
}

/** A port that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

function canListen(port: number, host: string): Promise<"free" | "taken"> {
  return new Promise((resolve) => {
    const server = createServer();
    // A machine without IPv6 has no ::1 to listen on: that is no taken port.
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE" ? "taken" : "free"));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve("free")));
  });
}
