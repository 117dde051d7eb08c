import { describe, expect, it } from "vitest";
import type { RatePolicy } from "../../../src/auth/rate-limit.ts";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { type RateLimitNamespace, rateLimits } from "../../../src/platform/cloudflare/object-clients.ts";
import { memoryLimits } from "../../support/memory-stores.ts";
import { runtimeBindings } from "../platform/runtime-bindings.ts";
import { at, hourly, limitsContract } from "./limits-contract.ts";

limitsContract("memory", memoryLimits(), async () => undefined);

/** The part of a Durable Object's state that these tests read. */
interface ObjectState {
  readonly storage: {
    getAlarm(): Promise<number | null>;
    readonly kv: { put(key: string, value: unknown): void; list(): Iterable<unknown> };
    readonly sql: { exec(statement: string): Iterable<Record<string, unknown>> };
  };
}

type RateLimitCounter = ReturnType<RateLimitNamespace<unknown>["get"]>;

/** The part of the module `cloudflare:test` that these tests use. */
interface ObjectTools {
  runInDurableObject<Value>(
    stub: unknown,
    read: (object: RateLimitCounter, state: ObjectState) => Value | Promise<Value>,
  ): Promise<Value>;
  runDurableObjectAlarm(stub: unknown): Promise<boolean>;
  evictDurableObject(stub: unknown): Promise<void>;
}

const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "RATE_LIMIT_COUNTER");
const tools = isNamespace(namespace) ? await objectTools() : undefined;

describe.skipIf(!isNamespace(namespace) || tools === undefined)("in workerd, which has Durable Objects,", () => {
  if (!isNamespace(namespace) || tools === undefined) return;
  const limits = rateLimits(namespace);
  const stub = (policy: RatePolicy, name: string) => namespace.get(namespace.idFromName(`${policy.name} ${name}`));
  const readState = <Value>(name: string, read: (state: ObjectState) => Value) =>
    tools.runInDurableObject(stub(hourly, name), (_, state) => read(state));
  const writes = (name: string) =>
    readState(name, ({ storage }) => Number([...storage.sql.exec("SELECT total_changes() AS n")][0]?.n));
  const keyCount = (name: string) => readState(name, ({ storage }) => [...storage.kv.list()].length);

  limitsContract("durable-object", limits, (policy, name) => tools.evictDurableObject(stub(policy, name)));

  describe("the rate limit object", () => {
    it("writes once for each allowed request and never for a refused one", async () => {
      await limits.take(hourly, "thrifty", at(0));
      const before = await writes("thrifty");
      for (let second = 1; second < 50; second++) await limits.take(hourly, "thrifty", at(second));
      expect((await writes("thrifty")) - before).toBe(2);
    });

    it("sets its alarm to the first full second after its window", async () => {
      await limits.take({ ...hourly, window: seconds(60.5) }, "waking", at(0));
      expect(await readState("waking", ({ storage }) => storage.getAlarm())).toBe(at(61) * 1000);
    });

    it("deletes its data and its alarm when its window is over, and then starts with a full quota", async () => {
      const past = unixSeconds(1_000_000_000);
      await limits.take(hourly, "ending", past);
      await tools.runDurableObjectAlarm(stub(hourly, "ending"));
      expect([await keyCount("ending"), await readState("ending", ({ storage }) => storage.getAlarm())]).toEqual([
        0,
        null,
      ]);
      expect(await limits.take(hourly, "ending", past)).toMatchObject({ allowed: true, remaining: 2 });
    });

    it("keeps the current window when the alarm of the previous one fires", async () => {
      await limits.take(hourly, "going-on", at(0));
      await limits.take(hourly, "going-on", at(4000));
      await tools.runDurableObjectAlarm(stub(hourly, "going-on"));
      expect(await readState("going-on", ({ storage }) => storage.getAlarm())).toBe(at(7600) * 1000);
      expect(await limits.take(hourly, "going-on", at(4001))).toMatchObject({ remaining: 1 });
    });

    it("fails instead of guessing a count if its stored window is corrupt", async () => {
      const outcome = await tools.runInDurableObject(stub(hourly, "broken"), async (object, { storage }) => {
        storage.kv.put("window", { startedAt: "soon", count: -1 });
        return object.take(hourly, at(0)).catch(() => "failed");
      });
      expect(outcome).toBe("failed");
    });
  });
});

async function objectTools(): Promise<ObjectTools> {
  // A variable hides the name from bundlers, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const imported: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(imported)) throw new Error("the test runner has no tools for Durable Objects");
  return imported;
}

function isNamespace(value: unknown): value is RateLimitNamespace<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "idFromName") === "function";
}

function isTools(value: unknown): value is ObjectTools {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "runInDurableObject") === "function";
}
