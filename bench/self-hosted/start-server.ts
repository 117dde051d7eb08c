import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createLocalJWKSet } from "jose";
import { devAudience, devEnvironment } from "../../cli/lib/dev-environment.ts";
import { compileJsx } from "../../cli/local/run-commands.ts";
import { refusal } from "../../src/base/result.ts";
import { systemMillisecondClock } from "../../src/base/time.ts";
import { devIssuer, readConfiguration, type WorkerName } from "../../src/config/configuration.ts";
import { publicHalf } from "../../src/keys/key-material.ts";
import { type KeyRing, keysFor, parseKeyRing } from "../../src/keys/ring.ts";
import { httpFront, listenOn } from "../../src/platform/node/http-front.ts";
import { type NodeStores, sqliteStores } from "../../src/platform/node/node-stores.ts";
import { openSqlite } from "../../src/platform/node/sqlite-database.ts";
import { makeTables, sqliteCatalog } from "../../src/platform/node/sqlite-stores.ts";
import { clusterStores } from "../../src/platform/redis/cluster-stores.ts";
import { sqliteDurableLog } from "../../src/platform/redis/durable-log.ts";
import { connectRedis } from "../../src/platform/redis/redis-connection.ts";
import { joseApp } from "../jose-app.ts";

// A process of its own with one server for `POST /stream/start`. It sends its port, and its CPU time when it is asked.
// Arguments: bare, sqlite or redis; the ring as JSON; a file for SQLite; the address of a Redis.

const [kind = "", ringText = "", file = "", redisUrl = ""] = process.argv.slice(2);
const parsed = parseKeyRing(JSON.parse(ringText));
if (!parsed.ok) throw new Error(parsed.refusal.join("\n"));
const ring = parsed.value;

const server = kind === "bare" ? bareServer(ring) : await stagedoorServer(await storesOf(kind));
const { port } = await listenOn(server, 0, "127.0.0.1");
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.on("disconnect", () => process.exit());
process.send?.(port);

function bareServer(keys: KeyRing) {
  const set = createLocalJWKSet({ keys: keysFor(keys, "token").map(publicHalf) });
  const app = joseApp(set, { issuer: devIssuer, audience: devAudience });
  return createServer(getRequestListener((request) => app.fetch(request)));
}

async function storesOf(name: string): Promise<NodeStores> {
  const { leaseTtl } = configurationOf("api");
  if (name === "sqlite") return sqliteStores(file, { leaseTtl });
  const [usual, durable] = [openSqlite(file, { durable: false }), openSqlite(file, { durable: true })];
  makeTables({ usual });
  const address = { type: "server", url: redisUrl } as const;
  return clusterStores({
    redis: await connectRedis({ address, user: undefined, password: undefined, onError: () => undefined }),
    prefix: "bench:",
    leaseTtl,
    durable: { log: sqliteDurableLog(durable, systemMillisecondClock), catalog: sqliteCatalog({ usual, durable }) },
    admitOlderGrants: false,
    listsSessions: true,
    onError: () => undefined,
    close: async () => undefined,
  });
}

async function stagedoorServer(stores: NodeStores) {
  const asset = { id: "film", origin: { type: "file", root: "films", path: "film/" }, entry: "index.m3u8" };
  await stores.catalog.save(JSON.stringify({ version: 1, assets: [asset] }));
  compileJsx();
  const { nodeHost } = await import("../../src/platform/node/node-host.ts");
  const host = await nodeHost({
    configurations: {
      api: configurationOf("api"),
      manifest: configurationOf("manifest"),
      edge: configurationOf("edge"),
    },
    stores,
    role: "api",
    accounts: undefined,
    origin: async () => refusal("object_unknown", "the benchmark has no files"),
    roots: ["films"],
    fetch,
    log: () => undefined,
  });
  if (!host.ok) throw new Error(host.refusal.join("\n"));
  const { api: answer, waitUntil } = host.value;
  if (answer === undefined) throw new Error("the host has no API");
  const front = { publicUrl: "http://localhost:8787", answer, waitUntil, trustedProxies: [] };
  return httpFront(() => front);
}

function configurationOf(worker: WorkerName) {
  const read = readConfiguration({
    ...devEnvironment(worker, ring, "http://localhost:8788", {}),
    STAGEDOOR_API_URL: "http://localhost:8787",
  });
  if (!read.ok) throw new Error(read.refusal.join("\n"));
  return read.value;
}
