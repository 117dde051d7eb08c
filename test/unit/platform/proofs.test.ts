import { describe, expect, it } from "vitest";
import { systemClock, unixSeconds } from "../../../src/base/time.ts";
import { type DpopProofsNamespace, proofReplay } from "../../../src/platform/cloudflare/object-clients.ts";
import { memoryProofs } from "../../support/memory-stores.ts";
import { inAMinute, proofsContract } from "../auth/proofs-contract.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

proofsContract("memory", () => memoryProofs(systemClock));

it("the proofs in memory are removed with the next proof after they expired", async () => {
  let now = unixSeconds(1000);
  const proofs = memoryProofs(() => now);
  await proofs.firstUse("key", "a", unixSeconds(1060));
  await proofs.firstUse("key", "b", unixSeconds(1061));
  now = unixSeconds(1060);
  await proofs.firstUse("key", "c", unixSeconds(1120));
  expect(proofs.size()).toBe(2);
});

interface ObjectState {
  readonly storage: {
    getAlarm(): Promise<number | null>;
    readonly sql: { exec(statement: string): Iterable<Record<string, unknown>> };
  };
}

interface ObjectTools {
  runInDurableObject<Value>(
    stub: unknown,
    look: (object: { firstUse(jti: string, until: number): Promise<boolean> }, state: ObjectState) => Promise<Value>,
  ): Promise<Value>;
  runDurableObjectAlarm(stub: unknown): Promise<boolean>;
  evictDurableObject(stub: unknown): Promise<void>;
}

const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "DPOP_PROOFS");
const tools = await objectTools();

describe.skipIf(!isNamespace(namespace) || tools === undefined)("in workerd, which has Durable Objects,", () => {
  if (!isNamespace(namespace) || tools === undefined) return;
  const stub = (jkt: string) => namespace.get(namespace.idFromName(jkt));
  const proofs = proofReplay(namespace);
  proofsContract("durable-object", () => proofs);

  const tables = (jkt: string) =>
    tools.runInDurableObject(stub(jkt), async (_, { storage }) =>
      [...storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'proof'")].map(({ name }) => name),
    );
  const ids = (jkt: string) =>
    tools.runInDurableObject(stub(jkt), async (_, { storage }) =>
      [...storage.sql.exec("SELECT jti FROM used_proof ORDER BY jti")].map(({ jti }) => jti),
    );
  const alarm = (jkt: string) => tools.runInDurableObject(stub(jkt), (_, { storage }) => storage.getAlarm());

  it("the object remembers a proof across a restart", async () => {
    const until = inAMinute();
    await proofs.firstUse("restarted", "a", until);
    await tools.evictDurableObject(stub("restarted"));
    expect(await proofs.firstUse("restarted", "a", until)).toBe(false);
  });

  it("the object removes expired proofs when its alarm fires, and keeps the rest", async () => {
    const until = inAMinute();
    const over = unixSeconds(systemClock() - 1);
    await proofs.firstUse("cleaned", "kept", until);
    expect(await alarm("cleaned")).toBe(until * 1000);
    await proofs.firstUse("cleaned", "over", over);
    expect(await tools.runDurableObjectAlarm(stub("cleaned"))).toBe(true);
    expect(await ids("cleaned")).toEqual(["kept"]);
    expect(await alarm("cleaned")).toBeGreaterThanOrEqual(until * 1000);
    expect(await proofs.firstUse("cleaned", "kept", until)).toBe(false);
  });

  it("the object leaves nothing behind after its last proof, and starts again", async () => {
    await tools.runInDurableObject(stub("emptied"), (object) => object.firstUse("a", systemClock() - 1));
    await tools.runDurableObjectAlarm(stub("emptied"));
    expect([await tables("emptied"), await alarm("emptied")]).toEqual([[], null]);
    expect(await proofs.firstUse("emptied", "a", inAMinute())).toBe(true);
    expect(await ids("emptied")).toEqual(["a"]);
    expect(await alarm("emptied")).not.toBeNull();
  });

  it.each([
    ["", 1000],
    ["a".repeat(257), 1000],
    ["a", -1],
    ["a", 1.5],
    ["a", Number.NaN],
  ])("the object refuses an invalid id or expiry from any caller: %j %j", async (jti, until) => {
    const refused = await tools.runInDurableObject(stub("checked"), async (object) => {
      try {
        return await object.firstUse(jti, until);
      } catch {
        return "refused";
      }
    });
    expect(refused).toBe("refused");
    expect(await tables("checked")).toEqual([]);
  });
});

async function objectTools(): Promise<ObjectTools | undefined> {
  // The name is in a variable so that bundlers do not resolve it, which would fail in Node.
  const name = "cloudflare:test";
  try {
    const module: unknown = await import(/* @vite-ignore */ name);
    return isTools(module) ? module : undefined;
  } catch {
    return undefined;
  }
}

function isTools(value: unknown): value is ObjectTools {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "evictDurableObject") === "function";
}

function isNamespace(value: unknown): value is DpopProofsNamespace<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "idFromName") === "function";
}
