import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Whether somebody listens on `port` of this machine already, on either loopback address. */
export async function isTaken(port: number): Promise<boolean> {
  const answers = await Promise.all(["127.0.0.1", "::1"].map((host) => canListen(port, host)));
  return answers.includes("taken");
}

/** Ports below those that systems give to outgoing connections, which could take one between here and its use. */
const drawn = { from: 10_000, to: 32_000 };

/** A port that nobody listens on now, drawn at random: processes that draw at the same time get different ones. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(drawn.from, drawn.to);
    if (!(await isTaken(port))) return port;
  }
  throw new Error("no port of this machine is free");
}

function canListen(port: number, host: string): Promise<"free" | "taken"> {
  return new Promise((resolve) => {
    const server = createServer();
    // A machine without IPv6 has no ::1 to listen on: that is no taken port.
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE" ? "taken" : "free"));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve("free")));
  });
}
