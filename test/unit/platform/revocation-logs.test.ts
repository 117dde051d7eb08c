import { describe, expect, it } from "vitest";
import { systemMillisecondClock, unixSeconds } from "../../../src/base/time.ts";
import { revocationLog } from "../../../src/platform/cloudflare/session-stores.ts";
import type { Revocation, RevocationLog } from "../../../src/sessions/revocation.ts";
import { memoryRevocationLog } from "../../support/memory-stores.ts";
import { revocationLogContract } from "../sessions/revocation-log-contract.ts";
import { revocationRuntime } from "./revocation-runtime.ts";

revocationLogContract("memory", () => memoryRevocationLog(systemMillisecondClock, 100), 100);

const runtime = await revocationRuntime();
let made = 0;

describe.skipIf(runtime === undefined)("in workerd, which has Durable Objects,", () => {
  const until = unixSeconds(Math.floor(Date.now() / 1000) + 3600);
  const entry: Revocation = { kind: "session", value: "s", cause: "taken", at: unixSeconds(7), until };

  function fresh(): { readonly log: RevocationLog; readonly name: string; readonly on: NonNullable<typeof runtime> } {
    if (runtime === undefined) throw new Error("no runtime");
    const name = `log ${made++}`;
    const parts = { cache: undefined, mediaUrl: "https://media.example", clock: systemMillisecondClock };
    return { log: revocationLog({ ...parts, objects: runtime.objectsNamed(name) }), name, on: runtime };
  }

  revocationLogContract("a Durable Object", () => fresh().log, 10_000);

  it("the object keeps every entry and every cursor across a restart", async () => {
    const { log, name, on } = fresh();
    await log.append([entry, { ...entry, value: "t" }], "viewer");
    const { cursor: before } = await log.since(0);
    await log.lift("session", "t");
    const { cursor } = await log.since(0);
    await on.evict(name);
    expect(await log.since(cursor)).toMatchObject({ cursor, reset: false, entries: [] });
    expect((await log.since(0)).entries).toEqual([entry]);
    expect((await log.since(before)).entries).toEqual([{ ...entry, value: "t", until: 0 }]);
  });

  it("the object accepts no cursor from before it lost its storage, even if it has as many entries again", async () => {
    const { log, name, on } = fresh();
    await log.append([entry], "viewer");
    const { cursor } = await log.since(0);
    await on.loseStorage(name);
    await on.evict(name);
    await log.append([{ ...entry, value: "t" }], "viewer");
    expect(await log.since(cursor)).toMatchObject({ reset: true, entries: [{ value: "t" }] });
  });

  it("the object removes expired entries, and still accepts their cursors", async () => {
    const { log, name, on } = fresh();
    await log.append([entry, { ...entry, value: "t" }], "viewer");
    const { cursor } = await log.since(0);
    await on.sql(name, "UPDATE revocation SET keep_until = 1 WHERE value = 't'");
    expect(await on.runAlarm(name)).toBe(true);
    expect(await on.sql(name, "SELECT value FROM revocation")).toEqual([{ value: "s" }]);
    expect(await log.since(cursor)).toMatchObject({ reset: false, entries: [] });
  });

  it("the object sets its alarm as long as it keeps an entry, and no longer", async () => {
    const { log, name, on } = fresh();
    await log.append([entry], "viewer");
    expect(await on.runAlarm(name)).toBe(true);
    await on.sql(name, "UPDATE revocation SET keep_until = 1");
    expect(await on.runAlarm(name)).toBe(true);
    expect(await on.runAlarm(name)).toBe(false);
  });

  it("the object keeps a lifted entry as long as an isolate may not know that it was lifted", async () => {
    const { log, name, on } = fresh();
    const forGood = unixSeconds(253_402_300_799);
    await log.append([{ ...entry, until: forGood }], "operator");
    await log.lift("session", "s");
    expect(await on.runAlarm(name)).toBe(true);
    const statement = "SELECT until, keep_until - unixepoch() BETWEEN 880 AND 900 AS soon FROM revocation";
    expect(await on.sql(name, statement)).toEqual([{ until: 0, soon: 1 }]);
  });

  it("the object accepts an entry that never expires without breaking its alarm", async () => {
    const { log, name, on } = fresh();
    await log.append([{ ...entry, until: unixSeconds(253_402_300_799) }], "viewer");
    expect(await on.runAlarm(name)).toBe(true);
    expect((await log.since(0)).entries).toHaveLength(1);
  });

  it("the object adds all entries of a call or none, and refuses an invalid one", async () => {
    const { log, name, on } = fresh();
    expect(await on.append(name, [entry, { ...entry, kind: "planet" }])).toBe("refused");
    expect((await log.since(0)).entries).toEqual([]);
  });
});
