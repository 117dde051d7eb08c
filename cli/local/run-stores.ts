import { systemClock, systemMillisecondClock } from "../../src/base/time.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import type { DeploymentConfig, EnvironmentName } from "../../src/deployment/config-schema.ts";
import { cloudFrontStoresOf } from "../../src/deployment/wrangler-config.ts";
import { type Log, logError } from "../../src/http/problem-response.ts";
import { StoredGathering } from "../../src/metrics/stored-gathering.ts";
import { type NodeStores, sqliteStores } from "../../src/platform/node/node-stores.ts";
import { openSqlite } from "../../src/platform/node/sqlite-database.ts";
import { gatheredIn, makeTables, sqliteCatalog } from "../../src/platform/node/sqlite-stores.ts";
import { openPostgres, type PostgresAddress, postgresFault } from "../../src/platform/postgres/postgres-database.ts";
import { postgresDurableLog } from "../../src/platform/postgres/postgres-durable-log.ts";
import { type ClusterParts, clusterStores } from "../../src/platform/redis/cluster-stores.ts";
import { sqliteDurableLog } from "../../src/platform/redis/durable-log.ts";
import {
  connectRedis,
  isRedisRefusal,
  type Redis,
  type RedisAddress,
} from "../../src/platform/redis/redis-connection.ts";
import { postgresAddress } from "./run-postgres.ts";

/** The connections of a process to the durable log in PostgreSQL. */
const logConnections = 4;

interface StoreOptions {
  /** Undefined for development on this machine, which needs no Redis. */
  readonly environment: EnvironmentName | undefined;
  readonly secrets: Readonly<Record<string, string>>;
  readonly configuration: Pick<Configuration, "leaseTtl">;
  /** The SQLite file: of all stores, or of the durable log. */
  readonly file: string;
  /** Whether the process serves the API: then it has the durable log, and lists the sessions. */
  readonly servesApi: boolean;
  readonly log: Log;
}

type RedisConfig = NonNullable<Extract<DeploymentConfig["host"], { readonly type: "node" }>["redis"]>;

/** The stores of a deployment on Node: one SQLite file, or Redis; or why Redis cannot be reached, or refuses its user. */
export async function storesOf(config: DeploymentConfig, options: StoreOptions): Promise<NodeStores | string> {
  const { environment, secrets, configuration, file, servesApi, log } = options;
  const settings = config.host.type === "node" ? config.host.redis : undefined;
  if (settings === undefined || environment === undefined) return sqliteStores(file, configuration);
  let loggedAt = Number.NEGATIVE_INFINITY;
  const onError = (error: Error) => {
    // Each attempt to connect fails the same way.
    if (systemMillisecondClock() < loggedAt + 10_000) return;
    loggedAt = systemMillisecondClock();
    log(JSON.stringify({ worker: "redis", event: "error", error: textOf(error) }));
  };
  const address = postgresAddress(config, environment, secrets);
  if (typeof address === "string") return address;
  const durable = await durableOf(settings, servesApi ? file : undefined, address, (error) =>
    logError(log, "postgres", error),
  );
  if (typeof durable === "string") return durable;
  const redis = await connected(settings, secrets.STAGEDOOR_REDIS_PASSWORD, onError);
  if (typeof redis === "string") {
    await durable.close();
    return redis;
  }
  const counts = servesApi ? openSqlite(file, { durable: false }) : undefined;
  const closeFiles = async () => {
    counts?.close();
    await durable.close();
  };
  let refused: Error | undefined;
  const stores = await orRefusal(
    clusterStores({
      redis,
      prefix: prefixOf(config, environment),
      leaseTtl: configuration.leaseTtl,
      durable: durable.durable,
      close: closeFiles,
      stored: counts && gatheredIn(new StoredGathering(counts, systemClock, configuration.leaseTtl)),
      admitOlderGrants: settings.admitOlderGrants,
      listsSessions: servesApi,
      onError: (error) => {
        if (isRedisRefusal(error) && error.message.startsWith("NOPERM")) refused ??= error;
        onError(error);
      },
    }),
  );
  if (stores instanceof Error) {
    await redis.close();
    await closeFiles();
  } else if (refused === undefined) return { ...stores, counts, claim: claimsIn(redis, prefixOf(config, environment)) };
  else await stores.close();
  return redisRefusal(config, environment, stores instanceof Error ? stores : refused);
}

/** Longer than the attempts for one event last. */
function claimsIn(redis: Redis, prefix: string): (name: string) => Promise<boolean> {
  return async (name) => {
    const key = `${prefix}webhook ${name}`;
    return (await redis.command(key, "SET", key, "1", "NX", "EX", "43200")) === "OK";
  };
}

/** The value, or the error with which Redis answers. Anything else that is thrown is a bug, and is thrown again. */
async function orRefusal<Value>(work: Promise<Value>): Promise<Value | Error> {
  try {
    return await work;
  } catch (error) {
    if (isRedisRefusal(error)) return error;
    throw error;
  }
}

/**
 * Writes the first catalog, or with `replaces` this one in any case. If Redis refuses that, resolves with the reason and
 * what its user needs.
 */
export async function writeCatalog(
  { catalog }: Pick<NodeStores, "catalog">,
  text: string,
  {
    config,
    environment,
    replaces,
  }: Pick<StoreOptions, "environment"> & { config: DeploymentConfig; replaces: boolean },
): Promise<string | undefined> {
  // Another process may have written its assets first.
  const written = await orRefusal<unknown>(replaces ? catalog.save(text) : catalog.replace(text, undefined));
  return written instanceof Error ? redisRefusal(config, environment, written) : undefined;
}

/** The beginning of all keys and channels of a deployment in Redis. */
function prefixOf({ name }: DeploymentConfig, environment: EnvironmentName): string {
  return `${name}:${environment}:`;
}

/** Why Redis refuses a command, and the rights that its user needs. */
function redisRefusal(
  config: DeploymentConfig,
  environment: EnvironmentName | undefined,
  error: Error | undefined,
): string {
  const settings = config.host.type === "node" ? config.host.redis : undefined;
  if (settings === undefined || environment === undefined) throw error ?? new Error("no Redis is configured");
  const [prefix, user] = [prefixOf(config, environment), settings.user ?? "default"];
  return `host.redis: ${placesOf(addressOf(settings))} refuses a command of the user ${user}: ${error === undefined ? "no reason" : textOf(error)}. All keys and channels begin with "${prefix}". Give it these rights: ACL SETUSER ${user} ~${prefix}* &${prefix}* +@all -@admin -@dangerous, and start again.`;
}

/** Where a deployment has its stores, as rows of a name and a place. */
export function storePlaces(
  config: DeploymentConfig,
  environment: EnvironmentName | undefined,
  file: string,
): readonly (readonly [name: string, place: string])[] {
  const { host, identity } = config;
  if (host.type !== "node" || environment === undefined) return [["Stores", file]];
  const { redis, postgres } = host;
  const database = postgres?.url.replaceAll("{environment}", environment);
  const logs = { sqlite: file, postgres: database ?? file, none: "none: host.redis.durableLog" };
  return [
    ["Stores", redis === undefined ? file : placesOf(addressOf(redis))],
    ...(redis === undefined ? [] : ([["Log", logs[redis.durableLog]]] as const)),
    ...(identity.worker && database !== undefined ? ([["Accounts", database]] as const) : []),
    ...cloudFrontStoresOf(config, environment).map((arn) => ["CloudFront", arn] as const),
  ];
}

async function connected(
  settings: RedisConfig,
  password: string | undefined,
  onError: (error: Error) => void,
): Promise<Redis | string> {
  const { user } = settings;
  let last: Error | undefined;
  let isOpen = false;
  const address = addressOf(settings);
  try {
    const redis = await connectRedis({
      address,
      user,
      password,
      onError: (error) => {
        last = error;
        if (isOpen) onError(error);
      },
    });
    isOpen = true;
    return redis;
  } catch (error) {
    const why = last ?? (error instanceof Error ? error : undefined);
    return `host.redis: ${placesOf(address)} cannot be used: ${why === undefined ? "no answer" : textOf(why)}. Check the address, the user and STAGEDOOR_REDIS_PASSWORD, and try redis-cli -u ${placesOf(address).split(", ")[0]} PING.`;
  }
}

/** The reason of an error of Redis or its connection. It has no password. */
function textOf(error: Error): string {
  const code = "code" in error ? String(error.code) : error.name;
  return (error.message || code).replace(/\.+$/, "");
}

/** The durable log of a process; or why its database cannot be used. */
async function durableOf(
  { durableLog }: RedisConfig,
  file: string | undefined,
  postgres: PostgresAddress | undefined,
  onError: (error: unknown) => void,
): Promise<Pick<ClusterParts, "durable" | "close"> | string> {
  const nothing = async () => undefined;
  if (durableLog === "none") return { durable: "none", close: nothing };
  if (durableLog === "postgres" && postgres !== undefined) {
    const pool = openPostgres(postgres, onError, logConnections);
    try {
      const durable = await postgresDurableLog({ pool, clock: systemMillisecondClock, onError });
      return { durable, close: () => pool.end() };
    } catch (error) {
      await pool.end();
      return postgresFault(error, postgres);
    }
  }
  if (file === undefined) return { durable: "elsewhere", close: nothing };
  const [usual, durable] = [openSqlite(file, { durable: false }), openSqlite(file, { durable: true })];
  makeTables({ usual });
  return {
    durable: { log: sqliteDurableLog(durable, systemMillisecondClock), catalog: sqliteCatalog({ usual, durable }) },
    close: async () => {
      usual.close();
      durable.close();
    },
  };
}

function addressOf({ url, sentinels, name, cluster }: RedisConfig): RedisAddress {
  if (url !== undefined) return { type: "server", url };
  if (sentinels !== undefined && name !== undefined) return { type: "sentinel", sentinels, name };
  if (cluster !== undefined) return { type: "cluster", nodes: cluster };
  throw new Error("host.redis has no address");
}

function placesOf(address: RedisAddress): string {
  switch (address.type) {
    case "server":
      return address.url;
    case "sentinel":
      return address.sentinels.join(", ");
    case "cluster":
      return address.nodes.join(", ");
  }
}
