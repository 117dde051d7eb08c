import { createHash } from "node:crypto";
import { createClient, createCluster, createSentinel, ErrorReply } from "@redis/client";
import { inTime, seconds, systemTimer } from "../../base/time.ts";

/** Where Redis is: one server, servers that Sentinels watch, or a cluster. Addresses are `redis://` or `rediss://`. */
export type RedisAddress =
  | { readonly type: "server"; readonly url: string }
  | { readonly type: "sentinel"; readonly sentinels: readonly string[]; readonly name: string }
  | { readonly type: "cluster"; readonly nodes: readonly string[] };

export interface RedisOptions {
  readonly address: RedisAddress;
  /** The ACL user; without it Redis's default user. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Called with each failed attempt to connect, and each lost connection. */
  readonly onError: (error: Error) => void;
}

/** A Lua script, which Redis runs as one step. */
export interface RedisScript {
  readonly text: string;
  readonly hash: string;
}

export interface Redis {
  /** Runs a command about a key. Rejects with Redis's error, and if no reply comes within {@link replyTimeout}. */
  readonly command: (key: string, ...words: readonly string[]) => Promise<unknown>;
  /** Runs a script; in a cluster all its keys must have one hash tag. Rejects as `command` does. */
  readonly run: (
    script: RedisScript,
    keys: readonly [string, ...string[]],
    words: readonly string[],
  ) => Promise<unknown>;
  /** Calls `listener` with each message of a channel, also after a reconnection. */
  readonly subscribe: (channel: string, listener: (message: string) => void) => Promise<void>;
  /** Calls `listener` after each reconnection: the server may be another, or may have forgotten something. */
  readonly onReconnect: (listener: () => void) => void;
  readonly close: () => Promise<void>;
}

/** How long a command waits for its reply: as long as other hosts wait for their stores. */
const replyTimeout = seconds(2);

/** How long the first connection may take. */
const startTimeout = seconds(10);

/** The most commands that wait for a server that is slow. */
const mostWaiting = 20_000;

/** Pauses between attempts to connect, in milliseconds: the last one repeats. */
const pauses = [50, 100, 200, 400];

/** What Redis says to a wrong user or password: at the start there is no point in another attempt. */
const denied = /^(WRONGPASS|NOAUTH|ERR AUTH|NOPERM)/;

/** Whether Redis answered a command with an error: for example NOPERM, or READONLY. A lost connection is none. */
export function isRedisRefusal(error: unknown): error is Error {
  return error instanceof ErrorReply;
}

/** The options of a socket. `isOpened` says whether the first connection was made. */
function socketOf(isOpened: () => boolean) {
  return {
    connectTimeout: 2_000,
    // A server that vanished without closing the connection: pings keep a living one busy.
    socketTimeout: 10_000,
    reconnectStrategy: (retries: number, cause: Error) =>
      !isOpened() && denied.test(cause.message) ? cause : (pauses[retries] ?? 500) + Math.floor(Math.random() * 50),
  };
}

/** A script by its text. */
export function redisScript(text: string): RedisScript {
  return { text, hash: createHash("sha1").update(text).digest("hex") };
}

/**
 * Connects to Redis 6.2 or later, or Valkey. Rejects if that takes longer than ten seconds or is denied. Later a lost connection is
 * made again, and until then each command rejects at once or after two seconds.
 */
export async function connectRedis(options: RedisOptions): Promise<Redis> {
  let opened = false;
  const client = clientOf(options, () => opened);
  const reconnected: (() => void)[] = [];
  client.on("error", options.onError);
  client.on("ready", () => {
    if (opened) for (const listener of reconnected) listener();
  });
  const connected = await inTime(client.connect(), startTimeout, systemTimer).catch((error: unknown) => {
    client.destroy();
    throw error;
  });
  if (connected === "late") {
    client.destroy();
    throw new Error("Redis does not answer");
  }
  opened = true;

  const command = async (key: string, ...words: readonly string[]): Promise<unknown> => {
    const reply = await inTime(client.send(key, words), replyTimeout, systemTimer);
    if (reply === "late") throw new Error("Redis did not answer in time");
    return reply;
  };
  return {
    command,
    run: async ({ text, hash }, keys, words) => {
      const rest = [String(keys.length), ...keys, ...words];
      try {
        return await command(keys[0], "EVALSHA", hash, ...rest);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
        return command(keys[0], "EVAL", text, ...rest);
      }
    },
    subscribe: client.subscribe,
    onReconnect: (listener) => void reconnected.push(listener),
    close: client.close,
  };
}

/** What the three kinds of client have in common. */
interface AnyClient {
  readonly on: (event: "error" | "ready", listener: (error: Error) => void) => void;
  readonly connect: () => Promise<unknown>;
  readonly send: (key: string, words: readonly string[]) => Promise<unknown>;
  readonly subscribe: (channel: string, listener: (message: string) => void) => Promise<void>;
  readonly close: () => Promise<void>;
  readonly destroy: () => void;
}

function clientOf({ address, user, password }: RedisOptions, isOpened: () => boolean): AnyClient {
  const socket = socketOf(isOpened);
  const login = {
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
  };
  const usual = { disableOfflineQueue: true, commandsQueueMaxLength: mostWaiting, pingInterval: 3_000 };
  switch (address.type) {
    case "server": {
      const client = createClient({ url: address.url, ...login, ...usual, socket });
      return {
        on: (event, listener) => void client.on(event, listener),
        connect: () => client.connect(),
        send: (_, words) => client.sendCommand(words),
        subscribe: (channel, listener) => client.subscribe(channel, listener),
        close: async () => client.close(),
        destroy: () => client.destroy(),
      };
    }
    case "sentinel": {
      const places = address.sentinels.map((url) => new URL(url));
      const isSecure = places.some(({ protocol }) => protocol === "rediss:");
      const secured = isSecure ? { ...socket, tls: true as const } : socket;
      const client = createSentinel({
        name: address.name,
        sentinelRootNodes: places.map(({ hostname, port }) => ({ host: hostname, port: Number(port || 26_379) })),
        nodeClientOptions: { ...login, pingInterval: usual.pingInterval, socket: secured },
        sentinelClientOptions: { socket: secured },
        passthroughClientErrorEvents: true,
        scanInterval: 1_000,
        maxCommandRediscovers: 3,
      });
      return {
        on: (event, listener) => void client.on(event === "ready" ? "topology-change" : event, listener),
        connect: () => client.connect(),
        send: (_, words) => client.sendCommand(false, [...words]),
        subscribe: (channel, listener) => client.subscribe(channel, listener),
        close: async () => client.close(),
        destroy: () => void client.destroy(),
      };
    }
    case "cluster": {
      const client = createCluster({
        rootNodes: address.nodes.map((url) => ({ url })),
        defaults: { ...login, ...usual, socket },
      });
      return {
        on: (event, listener) => void client.on(event === "ready" ? "node-ready" : event, listener),
        connect: () => client.connect(),
        send: (key, words) => client.sendCommand(key, false, [...words]),
        subscribe: (channel, listener) => client.subscribe(channel, listener),
        close: async () => client.close(),
        destroy: () => client.destroy(),
      };
    }
  }
}
