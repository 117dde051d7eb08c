import type { RevocationLogNamespace } from "../../../src/platform/cloudflare/session-stores.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

/** Durable Objects of the runtime that the tests run in. Each test has one of its own. */
export interface RevocationRuntime {
  /** All names lead to the object of this name. */
  objectsNamed(name: string): RevocationLogNamespace<unknown>;
  /** Evicts the object as the runtime does with an idle one. Its storage stays. */
  evict(name: string): Promise<void>;
  runAlarm(name: string): Promise<boolean>;
  /** Calls the object from inside: an exception that crosses the stub would count as unhandled. */
  append(name: string, entries: unknown): Promise<"accepted" | "refused">;
  /** Runs a statement in the object's own storage, and returns the rows. */
  sql(name: string, statement: string): Promise<readonly unknown[]>;
  /** Deletes everything that the object has stored. */
  loseStorage(name: string): Promise<void>;
}

/** Undefined in Node, which has no Durable Objects. */
export async function revocationRuntime(): Promise<RevocationRuntime | undefined> {
  const bindings = await runtimeBindings();
  const objects: unknown = bindings === undefined ? undefined : Reflect.get(bindings, "REVOCATION_LOG");
  if (!isNamespace(objects)) return undefined;
  // The name is in a variable so that bundlers do not resolve it, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const tools: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(tools)) throw new Error("the test runner has no tools for Durable Objects");
  const stub = (of: string) => objects.get(objects.idFromName(of));
  return {
    objectsNamed: (of) => ({ idFromName: () => objects.idFromName(of), get: (id) => objects.get(id) }),
    evict: (of) => tools.evictDurableObject(stub(of)),
    runAlarm: (of) => tools.runDurableObjectAlarm(stub(of)),
    append: (of, entries) =>
      tools.runInDurableObject(stub(of), async (object) => {
        try {
          await object.append(entries);
          return "accepted";
        } catch {
          return "refused";
        }
      }),
    sql: (of, statement) => tools.runInDurableObject(stub(of), (_, { storage }) => [...storage.sql.exec(statement)]),
    loseStorage: (of) => tools.runInDurableObject(stub(of), (_, { storage }) => storage.deleteAll()),
  };
}

interface Tools {
  evictDurableObject(stub: unknown): Promise<void>;
  runDurableObjectAlarm(stub: unknown): Promise<boolean>;
  runInDurableObject<Value>(
    stub: unknown,
    work: (
      object: { append(entries: unknown): Promise<void> },
      state: { readonly storage: Storage },
    ) => Value | Promise<Value>,
  ): Promise<Value>;
}

interface Storage {
  readonly sql: { exec(statement: string): Iterable<unknown> };
  deleteAll(): Promise<void>;
}

function isNamespace(value: unknown): value is RevocationLogNamespace<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "idFromName") === "function";
}

function isTools(value: unknown): value is Tools {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "runInDurableObject") === "function";
}
