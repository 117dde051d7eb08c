import { milliseconds, seconds, systemClock, systemMillisecondClock, systemTimer } from "../../src/base/time.ts";
import { oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { openSqlite } from "../../src/platform/node/sqlite-database.ts";
import { makeTables, sqliteCatalog } from "../../src/platform/node/sqlite-stores.ts";
import { type ClusterParts, clusterStores } from "../../src/platform/redis/cluster-stores.ts";
import { sqliteDurableLog } from "../../src/platform/redis/durable-log.ts";
import { connectRedis, type RedisAddress } from "../../src/platform/redis/redis-connection.ts";
import { documentStreams } from "../../src/sessions/document-streams.ts";
import { watchRevocations } from "../../src/sessions/revocation-watch.ts";

export interface ProcessParts {
  readonly address: RedisAddress;
  readonly prefix: string;
  /** The file of the durable log. */
  readonly file: string;
  /** In place of the durable log in that file. */
  readonly durable?: ClusterParts["durable"];
  readonly admitOlderGrants?: boolean;
}

/** The stores of a process in Redis, without its servers. */
export async function clusterProcess(parts: ProcessParts) {
  const [usual, durable] = [openSqlite(parts.file, { durable: false }), openSqlite(parts.file, { durable: true })];
  makeTables({ usual });
  const disk = { log: sqliteDurableLog(durable, systemMillisecondClock), catalog: sqliteCatalog({ usual, durable }) };
  const { address } = parts;
  const connection = await connectRedis({ address, user: undefined, password: undefined, onError: () => undefined });
  let isAway = false;
  const unlessAway =
    <Words extends readonly unknown[]>(call: (...words: Words) => Promise<unknown>) =>
    async (...words: Words) => {
      if (isAway) throw new Error("Redis is away");
      return call(...words);
    };
  const redis = { ...connection, command: unlessAway(connection.command), run: unlessAway(connection.run) };
  const stores = await clusterStores({
    redis,
    prefix: parts.prefix,
    leaseTtl: seconds(90),
    durable: parts.durable ?? disk,
    admitOlderGrants: parts.admitOlderGrants ?? false,
    listsSessions: true,
    onError: () => undefined,
    close: async () => {
      usual.close();
      durable.close();
    },
  });
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const times = { leaseTtl: seconds(90), writeInterval: seconds(30) };
  const secrets = { hmac: oneShotHmac, random };
  const streams = documentStreams({ documents: stores.leases, times, secrets, clock: systemClock });
  return {
    stores,
    streams,
    disk,
    file: parts.file,
    /** Whether each command is rejected, as by a server that is away. */
    setAway: (away: boolean) => {
      isAway = away;
    },
    /** What the log revokes, in the order of the alphabet. */
    valuesAfter: async () => (await stores.revocations.since(0)).entries.map(({ value }) => value).toSorted(),
    /** The process's copy of the log. */
    watch: () =>
      watchRevocations({
        log: stores.revocations,
        clock: systemMillisecondClock,
        timer: systemTimer,
        maxAge: milliseconds(2_000),
        failure: "closed",
      }),
  };
}
