import { describe, expect, it } from "vitest";
import { runtimeBindings } from "./runtime-bindings.ts";

const arn = "arn:aws:cloudfront::123456789012:key-value-store/0c1e4a38-2f5d-4c4a-9d55-5f2b6a1c7e90";

/** The object of test/workerd-cloudfront.ts. */
interface Stub {
  keepInStep(arn: string): Promise<void>;
  entries(): Promise<Readonly<Record<string, string>>>;
  change(world: { readonly isDown?: boolean; readonly arns?: string }): Promise<void>;
  isAwaited(): Promise<boolean>;
  lines(): Promise<readonly string[]>;
  reports(): Promise<readonly string[]>;
}

interface Namespace<Object> {
  idFromName(name: string): { toString(): string };
  get(id: unknown): Object;
}

interface Log {
  append(entries: unknown, by: string): Promise<unknown>;
}

interface Tools {
  evictDurableObject(stub: unknown): Promise<void>;
  runDurableObjectAlarm(stub: unknown): Promise<boolean>;
}

const bindings = (await runtimeBindings()) ?? {};
const objects: unknown = Reflect.get(bindings, "CLOUDFRONT_STORE");
const logs: unknown = Reflect.get(bindings, "REVOCATION_LOG");

describe.skipIf(!isNamespace<Stub>(objects))("the writer of a store in workerd", async () => {
  if (!isNamespace<Stub>(objects) || !isNamespace<Log>(logs)) return;
  // The name is in a variable so that bundlers do not resolve it, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const tools: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(tools)) throw new Error("the test runner has no tools for Durable Objects");

  const opened = async () => {
    const id = objects.idFromName(crypto.randomUUID());
    const object = objects.get(id);
    await object.keepInStep(arn);
    const revoke = async (value: string) => {
      const at = Math.floor(Date.now() / 1000);
      const entry = { kind: "login", value, cause: "revoked", at, until: at + 600 };
      await logs.get(logs.idFromName(id.toString())).append([entry], "operator");
    };
    return { object, revoke, alarm: () => tools.runDurableObjectAlarm(object) };
  };

  it("fills the store at its first alarm, and follows the log at each alarm after it", async () => {
    const { object, revoke, alarm } = await opened();
    expect(await alarm()).toBe(true);
    const first = await object.entries();
    expect([Object.keys(first), first.c]).toEqual([["c", "o"], expect.stringContaining("|dev-cf:")]);
    const series = "stagedoor_cloudfront_store_entries";
    await expect.poll(async () => (await object.reports()).join()).toContain(series);
    await revoke("AAAAAAAAAAAAAAAAAAAAAA");
    expect(await alarm()).toBe(true);
    expect(Object.keys(await object.entries()).toSorted()).toEqual(["c", "lAAAAAAAAAAAAAAAAAAAAAA", "o"]);
  });

  it("continues after its eviction, and after a time without AWS", async () => {
    const { object, revoke, alarm } = await opened();
    await alarm();
    await tools.evictDurableObject(object);
    await revoke("AAAAAAAAAAAAAAAAAAAAAA");
    await object.change({ isDown: true });
    expect([await alarm(), await object.isAwaited()]).toEqual([true, true]);
    expect(Object.keys(await object.entries())).toEqual(["c", "o"]);
    await object.change({ isDown: false });
    expect([await alarm(), await object.isAwaited()]).toEqual([true, true]);
    expect(Object.keys(await object.entries()).length).toBe(3);
    expect((await object.lines()).map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ event: "store_failed", store: arn, fault: "store" }),
      { worker: "api", event: "store_in_step", store: arn },
    ]);
  });

  it("ends once the API's settings do not have the store any more, and begins again when they do", async () => {
    const { object, alarm } = await opened();
    await object.change({ arns: "" });
    expect([await alarm(), await object.isAwaited()]).toEqual([true, false]);
    await object.change({ arns: arn });
    await object.keepInStep(arn);
    await object.keepInStep(arn);
    expect([await alarm(), Object.keys(await object.entries())]).toEqual([true, ["c", "o"]]);
  });
});

function isNamespace<Object>(value: unknown): value is Namespace<Object> {
  return hasMethod(value, "idFromName");
}

function isTools(value: unknown): value is Tools {
  return hasMethod(value, "runDurableObjectAlarm");
}

function hasMethod(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, name) === "function";
}
