import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../cli/lib/ports.ts";
import { connectRedis, type Redis } from "../../src/platform/redis/redis-connection.ts";

/** Why tests with a real Redis are skipped; undefined if they can run. */
export const noRedis: string | undefined =
  spawnSync("redis-server", ["--version"]).status === 0
    ? undefined
    : "redis-server is not installed (.ci/install-servers): nothing ran on Redis";

/** A private Redis that forgets everything when it ends. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Ends it at once, and resolves when the port is free. */
  readonly kill: () => Promise<void>;
  /** Starts it again on the same port, empty. */
  readonly start: () => Promise<void>;
  /** Ends it and removes its folder. */
  readonly remove: () => Promise<void>;
}

/** Starts a Redis on a free port of this machine. `options` are those of its command line. */
export async function startRedis(options: readonly string[] = [], port?: number): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-redis-"));
  const ownPort = port ?? (await freePort());
  const words = ["--port", String(ownPort), "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...options];
  let running = await begin("redis-server", words);
  const kill = () => ended(running);
  return {
    url: `redis://127.0.0.1:${ownPort}`,
    port: ownPort,
    get process() {
      return running;
    },
    kill,
    start: async () => {
      running = await begin("redis-server", words);
    },
    remove: async () => {
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
}

export interface Sentinel extends Pick<RedisServer, "url" | "remove"> {
  /** The number of replicas that it knows. */
  readonly replicas: () => number;
}

/** A Sentinel that decides alone, after a second without an answer. */
export async function startSentinel(name: string, port: number): Promise<Sentinel> {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-sentinel-"));
  const file = join(folder, "sentinel.conf");
  const own = await freePort();
  const lines = [
    `port ${own}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor ${name} 127.0.0.1 ${port} 1`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  writeFileSync(file, lines.join("\n"));
  const running = await begin("redis-server", [file, "--sentinel"]);
  return {
    url: `redis://127.0.0.1:${own}`,
    remove: async () => {
      await ended(running);
      rmSync(folder, { recursive: true });
    },
    replicas: () => {
      const words = ["-p", String(own), "SENTINEL", "REPLICAS", name];
      const { stdout } = spawnSync("redis-cli", words, { encoding: "utf8" });
      return stdout.split("\n").filter((line) => line === "runid").length;
    },
  };
}

/** Starts a program of Redis and waits until it accepts connections. */
function begin(program: string, words: readonly string[]): Promise<ChildProcess> {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "ignore"] });
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (data: Buffer) => {
      output += data.toString();
      if (/Ready to accept connections|Sentinel ID is/.test(output)) resolve(child);
    });
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}: ${output}`)));
  });
}

/** Ends a process at once. One that has stopped ends too. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** A connection, as a process has one. */
export function connectTo(url: string): Promise<Redis> {
  const address = { type: "server", url } as const;
  return connectRedis({ address, user: undefined, password: undefined, onError: () => undefined });
}
