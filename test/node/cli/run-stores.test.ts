import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { storePlaces, storesOf, writeCatalog } from "../../../cli/local/run-stores.ts";
import { planOf } from "../../../cli/local/service-plan.ts";
import { seconds } from "../../../src/base/time.ts";
import { noRedis, type RedisServer, startRedis } from "../../support/redis-server.ts";
import { defaultConfig, deploymentWith, onNode } from "../../unit/deployment/example-config.ts";
import { folder } from "./command-line.ts";

const rest = { environment: "production", configuration: { leaseTtl: seconds(30) }, servesApi: true } as const;

const serve = {
  environment: "production",
  processes: 1,
  port: 1,
  mediaPort: 2,
  address: "127.0.0.1",
  data: undefined,
  ring: undefined,
  secrets: undefined,
  replacesCatalog: false,
} as const;

describe("the places of a deployment's stores, which serve prints", () => {
  const placesOf = (host: object, environment?: "production", accounts: object = { identity: { worker: true } }) =>
    storePlaces(deploymentWith({ ...onNode(host), ...accounts }).config, environment, "/d/production.sqlite");

  it("are one SQLite file without Redis and PostgreSQL, and in development", () => {
    const redis = { url: "redis://db:6379" };
    expect(placesOf({}, "production")).toEqual([["Stores", "/d/production.sqlite"]]);
    expect(placesOf({ redis })).toEqual([["Stores", "/d/production.sqlite"]]);
  });

  it("are Redis, the log that restores it, and the database of the accounts", () => {
    const postgres = { url: "postgres://tv@db/tv_{environment}" };
    const redis = { url: "redis://db:6379", durableLog: "postgres" };
    expect(placesOf({ redis, postgres }, "production")).toEqual([
      ["Stores", "redis://db:6379"],
      ["Log", "postgres://tv@db/tv_production"],
      ["Accounts", "postgres://tv@db/tv_production"],
    ]);
    expect(placesOf({ redis: { sentinels: ["redis://a:1", "redis://b:1"], name: "m" } }, "production", {})).toEqual([
      ["Stores", "redis://a:1, redis://b:1"],
      ["Log", "/d/production.sqlite"],
    ]);
    expect(placesOf({ redis: { url: "redis://db:6379", durableLog: "none" } }, "production")).toContainEqual([
      "Log",
      "none: host.redis.durableLog",
    ]);
  });
});

it("serve does not start as Redis's default user, if the password of another user is missing", () => {
  const members = onNode({ redis: { url: "redis://127.0.0.1:1", user: "tv" } });
  const config = JSON.stringify({
    ...defaultConfig,
    ...members,
    origins: { films: { type: "file", folder: "." } },
    environments: { production: { domain: "acme.tv" } },
  });
  for (const role of ["all", "api", "media"] as const) {
    const options = { ...serve, role };
    const plan = planOf(folder(), { config, ring: "{}", secrets: {} }, options);
    expect(plan).toMatchObject({
      ok: false,
      refusal: expect.stringMatching(/no value: STAGEDOOR_REDIS_PASSWORD\..*secrets-production\.env/s),
    });
    const withPassword = planOf(folder(), { config, ring: "{}", secrets: { STAGEDOOR_REDIS_PASSWORD: "pw" } }, options);
    expect(withPassword).not.toMatchObject({ refusal: expect.stringContaining("STAGEDOOR_REDIS_PASSWORD") });
  }
});

describe.skipIf(noRedis !== undefined)(
  `stores in a Redis with users${noRedis === undefined ? "" : `: ${noRedis}`}`,
  () => {
    const started: RedisServer[] = [];
    afterAll(() => Promise.all(started.map((server) => server.remove())));

    it("are opened with the documented rights, and with fewer the message names them", async () => {
      const server = await startRedis();
      started.push(server);
      const setUser = (...rights: readonly string[]) =>
        spawnSync("redis-cli", ["-p", String(server.port), "ACL", "SETUSER", "tv", "reset", "on", ">pw", ...rights]);
      const { config } = deploymentWith(onNode({ redis: { url: server.url, user: "tv" } }));
      const file = join(folder(), "log.sqlite");
      const open = async () => {
        const opened = await storesOf(config, {
          ...rest,
          file,
          secrets: { STAGEDOOR_REDIS_PASSWORD: "pw" },
          log: () => undefined,
        });
        if (typeof opened === "string") return opened;
        const fault = await writeCatalog(opened, "{}", { config, environment: "production", replaces: true });
        await opened.close();
        return fault;
      };
      const prefix = `${config.name}:production:`;
      const rights = [`~${prefix}*`, `&${prefix}*`, "+@all", "-@admin", "-@dangerous"];
      setUser(...rights);
      expect(await open()).toBe(undefined);
      for (const fewer of [
        ["~other:*", ...rights.slice(1)],
        [rights[0] ?? "", "&other:*", ...rights.slice(2)],
        [...rights.slice(0, 2), "+@read", "+@connection"],
      ]) {
        setUser(...fewer);
        const refusal = await open();
        expect(refusal).toMatch(/^host\.redis: redis:\/\/127\.0\.0\.1:\d+ refuses a command of the user tv: NOPERM/);
        expect(refusal).toContain(`ACL SETUSER tv ${rights.join(" ")}`);
        expect(refusal).not.toContain("pw");
      }
    });
  },
);
