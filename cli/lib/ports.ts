import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { endMisused, shownWord } from "./command.ts";

/** Whether a program listens on a port of this machine, on either loopback address. */
export async function isInUse(port: number): Promise<boolean> {
  const free = await Promise.all(["127.0.0.1", "::1"].map((host) => canListen(port, host)));
  return free.includes(false);
}

/** Ports below the range of outgoing connections: one of those could occupy the port before it is used. */
const range = { from: 10_000, to: 32_000 };

/** A random free port, so that processes that choose one at the same time get different ports. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(range.from, range.to);
    if (!(await isInUse(port))) return port;
  }
  throw new Error("no port is free");
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Other errors mean that the address does not exist, such as ::1 on a machine without IPv6.
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The port number of an option; ends the command for any other text. */
export function readPort(option: string, digits: string): number {
  const number = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  return number >= 1 && number <= 65535
    ? number
    : endMisused(`--${option} must be a port number from 1 to 65535, not ${shownWord(digits)}.`);
}
