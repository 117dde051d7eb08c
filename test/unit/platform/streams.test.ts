import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { type SubjectLeasesNamespace, streamsOf } from "../../../src/platform/cloudflare/session-stores.ts";
import { memoryStreams } from "../../support/memory-stores.ts";
import { quotaContract, rate } from "../sessions/quota-contract.ts";
import { signOutContract } from "../sessions/sign-out-contract.ts";
import { startedByContract } from "../sessions/started-by-contract.ts";
import { at, claimOf, streamsContract, touchOf } from "../sessions/streams-contract.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

for (const contract of [streamsContract, signOutContract, quotaContract, startedByContract])
  contract("memory", () => {
    const memory = memoryStreams();
    return {
      streamsOf: memory.streamsOf,
      writes: async (subject) => memory.writes(subject),
      restart: async () => memory.restart(),
    };
  });

/** The part of a Durable Object's state that this test reads. */
interface ObjectState {
  readonly storage: {
    setAlarm(time: number): Promise<void>;
    getAlarm(): Promise<number | null>;
    readonly sql: { exec(statement: string): Iterable<Record<string, unknown>> };
  };
}

/** The part of the module `cloudflare:test` that this test uses. */
interface ObjectTools<Stub> {
  runInDurableObject<Value>(stub: Stub, look: (object: unknown, state: ObjectState) => Promise<Value>): Promise<Value>;
  runDurableObjectAlarm(stub: Stub): Promise<boolean>;
  evictDurableObject(stub: Stub): Promise<void>;
}

type Namespace = SubjectLeasesNamespace<unknown>;

const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "SUBJECT_LEASES");
const tools = await objectTools();

describe.skipIf(!isNamespace(namespace) || tools === undefined)("in workerd, which has Durable Objects,", () => {
  if (!isNamespace(namespace) || tools === undefined) return;
  const stub = (subject: string) => namespace.get(namespace.idFromName(subject));
  const lookInto = <Value>(subject: string, look: (state: ObjectState) => Promise<Value>) =>
    tools.runInDurableObject(stub(subject), (_, state) => look(state));
  const tables = (subject: string) =>
    lookInto(subject, async ({ storage }) =>
      [...storage.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('lease', 'marker', 'network_key')")].map(
        ({ name }) => name,
      ),
    );

  for (const contract of [streamsContract, signOutContract, quotaContract, startedByContract])
    contract("durable-object", () => ({
      streamsOf: streamsOf(namespace),
      writes: (subject) =>
        lookInto(subject, async ({ storage }) => Number([...storage.sql.exec("SELECT total_changes() AS n")][0]?.n)),
      restart: (subject) => tools.evictDurableObject(stub(subject)),
    }));

  describe("the object", () => {
    it("wakes up when the session that expires first is over, and then for the next", async () => {
      const streams = streamsOf(namespace)("waking");
      await streams.claim(claimOf("s0", 10));
      await streams.claim(claimOf("s1", 0));
      const alarm = await lookInto("waking", ({ storage }) => storage.getAlarm());
      const afterwards = 90 + 60 + 60; // A lease, an end that was not written, and a slow clock.
      expect(alarm).toBe((claimOf("s0", 10).expiresAt + afterwards) * 1000);
      expect(await tools.runDurableObjectAlarm(stub("waking"))).toBe(true);
      expect(await streams.show("s0", claimOf("s0", 10).now)).toBeDefined();
      expect(await lookInto("waking", ({ storage }) => storage.getAlarm())).toBe(
        (claimOf("s1", 0).expiresAt + afterwards) * 1000,
      );
    });

    it("sets its alarm at the next request if that failed", async () => {
      const streams = streamsOf(namespace)("waking-again");
      await lookInto("waking-again", async ({ storage }) => {
        Object.defineProperty(storage, "setAlarm", {
          configurable: true,
          value: () => Promise.reject(new Error("no alarm was set")),
        });
      });
      await expect(streams.claim(claimOf("s0", 0))).rejects.toThrow("no alarm was set");
      await lookInto("waking-again", async ({ storage }) => void Reflect.deleteProperty(storage, "setAlarm"));
      await streams.touch(touchOf("s0", 1));
      expect(await lookInto("waking-again", ({ storage }) => storage.getAlarm())).not.toBeNull();
    });

    it("leaves nothing behind after its last session, and starts again", async () => {
      const streams = streamsOf(namespace)("ending");
      const long = { now: unixSeconds(1_000_000_000), expiresAt: unixSeconds(1_000_003_600) };
      await streams.claim(claimOf("s0", 0, long));
      expect(await tables("ending")).toEqual(["lease", "marker", "network_key"]);
      await tools.runDurableObjectAlarm(stub("ending"));
      expect(await tables("ending")).toEqual([]);
      expect(await streams.claim(claimOf("s0", 0))).toMatchObject({ status: "granted" });
      expect(await streams.show("s0", claimOf("s0", 0).now)).toBeDefined();
    });

    it("leaves nothing behind after the window of its quota", async () => {
      await streamsOf(namespace)("counted").take(rate, at(0));
      expect(await lookInto("counted", ({ storage }) => storage.getAlarm())).toBe((at(0) + 3600) * 1000);
      const streams = streamsOf(namespace)("counted-long-ago");
      const longAgo = unixSeconds(1_000_000_000);
      await streams.take(rate, longAgo);
      await tools.runDurableObjectAlarm(stub("counted-long-ago"));
      expect(await tables("counted-long-ago")).toEqual([]);
      expect(await streams.take(rate, longAgo)).toMatchObject({ remaining: 2 });
    });

    it("stores the time until which it forwards requests", async () => {
      const older = streamsOf(namespace)("sending-on");
      await older.claim(claimOf("s0", 0));
      await streamsOf(namespace)("receiving", ["sending-on"]).claim(claimOf("s1", 1));
      await older.touch(touchOf("s0", 2, { expiresAt: at(9000) }));
      const until = await lookInto("sending-on", async ({ storage }) => [
        ...storage.sql.exec("SELECT until FROM marker"),
      ]);
      expect(until).toEqual([{ until: at(9000) }]);
    });

    it("adds the columns that a table of an older release lacks", async () => {
      const claim = claimOf("s0", 0, { startedBy: { token: "t", signer: "be-1" } });
      await streamsOf(namespace)("older").claim(claim);
      await lookInto("older", async ({ storage }) => {
        for (const column of ["token", "signer"]) storage.sql.exec(`ALTER TABLE lease DROP COLUMN ${column}`);
        storage.sql.exec("DROP TABLE quota");
      });
      await tools.evictDurableObject(stub("older"));
      const streams = streamsOf(namespace)("older");
      expect((await streams.show("s0", at(1)))?.startedBy).toBeUndefined();
      await streams.claim({ ...claim, now: at(40) });
      await tools.evictDurableObject(stub("older"));
      expect((await streams.show("s0", at(41)))?.startedBy).toEqual(claim.startedBy);
    });

    it("writes nothing for a read", async () => {
      await streamsOf(namespace)("asking").show("s0", claimOf("s0", 0).now);
      expect(await tables("asking")).toEqual([]);
    });
  });
});

async function objectTools(): Promise<ObjectTools<unknown> | undefined> {
  // The name is in a variable so that bundlers do not resolve it, which would fail in Node.
  const name = "cloudflare:test";
  try {
    const module: unknown = await import(/* @vite-ignore */ name);
    return isTools(module) ? module : undefined;
  } catch {
    return undefined;
  }
}

function isTools(value: unknown): value is ObjectTools<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "evictDurableObject") === "function";
}

function isNamespace(value: unknown): value is Namespace {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "idFromName") === "function";
}
