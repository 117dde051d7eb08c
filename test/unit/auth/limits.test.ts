import { describe, expect, it } from "vitest";
import type { RatePolicy } from "../../../src/auth/rate-limit.ts";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { type RateLimitNamespace, rateLimits } from "../../../src/platform/cloudflare/object-clients.ts";
import { memoryLimits } from "../../support/memory-stores.ts";
import { runtimeBindings } from "../platform/runtime-bindings.ts";
import { anHour, at, limitsContract } from "./limits-contract.ts";

limitsContract("memory", memoryLimits(), async () => undefined);

/** The part of a Durable Object's state that is looked into here. */
interface ObjectState {
  readonly storage: {
    getAlarm(): Promise<number | null>;
    readonly kv: { put(key: string, value: unknown): void; list(): Iterable<unknown> };
    readonly sql: { exec(statement: string): Iterable<Record<string, unknown>> };
  };
}

type RateLimitCounter = ReturnType<RateLimitNamespace<unknown>["get"]>;

/** The part of the module `cloudflare:test` that is used here. */
interface ObjectTools {
  runInDurableObject<Value>(
    stub: unknown,
    look: (object: RateLimitCounter, state: ObjectState) => Value | Promise<Value>,
  ): Promise<Value>;
  runDurableObjectAlarm(stub: unknown): Promise<boolean>;
  evictDurableObject(stub: unknown): Promise<void>;
}

const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "RATE_LIMIT_COUNTER");
const tools = isNamespace(namespace) ? await objectTools() : undefined;

describe.skipIf(!isNamespace(namespace) || tools === undefined)("in workerd alone: it has Durable Objects", () => {
  if (!isNamespace(namespace) || tools === undefined) return;
  const limits = rateLimits(namespace);
  const stub = (policy: RatePolicy, name: string) => namespace.get(namespace.idFromName(`${policy.name} ${name}`));
  const lookInto = <Value>(name: string, look: (state: ObjectState) => Value) =>
    tools.runInDurableObject(stub(anHour, name), (_, state) => look(state));
  const writes = (name: string) =>
    lookInto(name, ({ storage }) => Number([...storage.sql.exec("SELECT total_changes() AS n")][0]?.n));
  const kept = (name: string) => lookInto(name, ({ storage }) => [...storage.kv.list()].length);

  limitsContract("durable-object", limits, (policy, name) => tools.evictDurableObject(stub(policy, name)));

  describe("the object", () => {
    it("writes once for each request that is let in, and nothing for those that are not", async () => {
      await limits.take(anHour, "thrifty", at(0));
      const before = await writes("thrifty");
      for (let second = 1; second < 50; second++) await limits.take(anHour, "thrifty", at(second));
      expect((await writes("thrifty")) - before).toBe(2);
    });

    it("wakes up when its window is over, with the second in which it ends", async () => {
      await limits.take({ ...anHour, window: seconds(60.5) }, "waking", at(0));
      expect(await lookInto("waking", ({ storage }) => storage.getAlarm())).toBe(at(61) * 1000);
    });

    it("leaves nothing behind then, and begins anew", async () => {
      const past = unixSeconds(1_000_000_000);
      await limits.take(anHour, "ending", past);
      await tools.runDurableObjectAlarm(stub(anHour, "ending"));
      expect([await kept("ending"), await lookInto("ending", ({ storage }) => storage.getAlarm())]).toEqual([0, null]);
      expect(await limits.take(anHour, "ending", past)).toMatchObject({ allowed: true, remaining: 2 });
    });

    it("keeps a window that is not over when the alarm of the one before it rings", async () => {
      await limits.take(anHour, "going-on", at(0));
      await limits.take(anHour, "going-on", at(4000));
      await tools.runDurableObjectAlarm(stub(anHour, "going-on"));
      expect(await lookInto("going-on", ({ storage }) => storage.getAlarm())).toBe(at(7600) * 1000);
      expect(await limits.take(anHour, "going-on", at(4001))).toMatchObject({ remaining: 1 });
    });

    it("answers nothing where it cannot read what it wrote: nobody is let in on a guess", async () => {
      const answer = await tools.runInDurableObject(stub(anHour, "broken"), async (object, { storage }) => {
        storage.kv.put("window", { startedAt: "soon", count: -1 });
        return object.take(anHour, at(0)).catch(() => "nothing");
      });
      expect(answer).toBe("nothing");
    });
  });
});

async function objectTools(): Promise<ObjectTools> {
  // By a name that no bundler looks into, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const found: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(found)) throw new Error("the test runner has no tools for Durable Objects");
  return found;
}

function isNamespace(found: unknown): found is RateLimitNamespace<unknown> {
  return typeof found === "object" && found !== null && typeof Reflect.get(found, "idFromName") === "function";
}

function isTools(found: unknown): found is ObjectTools {
  return typeof found === "object" && found !== null && typeof Reflect.get(found, "runInDurableObject") === "function";
}
