import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { EmulatedStore, writable } from "../../../cli/cloudfront/key-value-store.ts";
import { devEnvironment } from "../../../cli/lib/dev-environment.ts";
import {
  seconds,
  systemClock,
  type Timer,
  after as timeAfter,
  type UnixSeconds,
  unixSeconds,
} from "../../../src/base/time.ts";
import type { WritableStore } from "../../../src/cloudfront/keep-in-step.ts";
import type { CycleResult } from "../../../src/cloudfront/store-cycle.ts";
import {
  cycleLog,
  cycleTelemetry,
  type StoreWriter,
  startStoreWriter,
  WriterTurn,
} from "../../../src/cloudfront/store-writer.ts";
import { readConfiguration, type WorkerName } from "../../../src/config/configuration.ts";
import { newEdgeKey, newSessionKey, newTokenKey } from "../../../src/keys/generate.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { fileOrigin } from "../../../src/platform/node/file-origin.ts";
import { nodeHost } from "../../../src/platform/node/node-host.ts";
import { sqliteStores } from "../../../src/platform/node/node-stores.ts";
import { now } from "../../unit/signing/session.ts";
import { packed } from "./stage.ts";

const arn = "arn:aws:cloudfront::123456789012:key-value-store/0c1e4a38-2f5d-4c4a-9d55-5f2b6a1c7e90";
const folder = mkdtempSync(join(tmpdir(), "store-writer-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ring = {
  keys: [newSessionKey("dev-session", randomBytes), newEdgeKey("dev-cf", randomBytes), await newTokenKey("dev-issuer")],
};

/** What all processes share: each name is claimed once. */
function claims() {
  const claimed = new Set<string>();
  return async (turn: string) => !claimed.has(turn) && claimed.add(turn).size > 0;
}

describe("the turns of a store's writers", () => {
  it("belong to one process at a time, which keeps them until it stops, and to another one a turn later", async () => {
    const claim = claims();
    const [first, second] = [new WriterTurn(claim), new WriterTurn(claim)];
    const writers: string[] = [];
    for (let offset = 0; offset < 240; offset += 3) {
      const at = timeAfter(now, seconds(offset));
      if (offset < 120 && (await first.isMine(at))) writers.push("first");
      if (await second.isMine(at)) writers.push("second");
    }
    expect(writers.slice(0, 40)).toEqual(Array(40).fill("first"));
    expect(new Set(writers.slice(40))).toEqual(new Set(["second"]));
    // The first one had claimed its last turn and the next: 23 seconds at most.
    expect(writers.length).toBeGreaterThanOrEqual(80 - 8);
  });
});

/** A clock whose timers ring when it is advanced. */
class Stage {
  time: UnixSeconds = now;
  #timers: { readonly at: number; readonly ring: () => void }[] = [];
  readonly timer: Timer = (length, ring) => {
    const timer = { at: this.time + length, ring };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  async advance(length: number): Promise<void> {
    for (const end = this.time + length; this.time < end; ) {
      this.time = timeAfter(this.time, seconds(1));
      const due = this.#timers.filter(({ at }) => at <= this.time);
      this.#timers = this.#timers.filter(({ at }) => at > this.time);
      for (const { ring } of due) ring();
      await sleep(0);
    }
  }
}

describe("the writer of a store in a process that runs all the time", () => {
  const stage = new Stage();
  const log = { since: async () => ({ cursor: 0, reset: false, more: false, entries: [] }) };
  const claim = claims();
  const store = new EmulatedStore(() => stage.time * 1000);

  function started(open: () => Promise<WritableStore>, onResult: (result: CycleResult) => void): StoreWriter {
    const clock = () => stage.time;
    return startStoreWriter({
      ...{ open, log, ring, claim, clock, timer: stage.timer, onResult },
    });
  }

  it("runs a cycle every few seconds in its turns; another process takes over after it stopped", async () => {
    const first: CycleResult[] = [];
    const second: CycleResult[] = [];
    const one = started(
      async () => writable(store),
      (result) => first.push(result),
    );
    const two = started(
      async () => writable(store),
      (result) => second.push(result),
    );
    await stage.advance(120);
    expect([first.length > 15, second.length]).toEqual([true, 0]);
    expect(first.every(({ status }) => status === "in_step")).toBe(true);
    await one.stop();
    const { length } = first;
    await stage.advance(40);
    expect([first.length, second.length > 2]).toEqual([length, true]);
    await two.stop();
  });

  it("gives up a cycle that hangs, and the turn with it; a stop does not wait for it either", async () => {
    const [hanging, other]: [CycleResult[], CycleResult[]] = [[], []];
    const one = started(
      () => new Promise(() => undefined),
      (result) => hanging.push(result),
    );
    // The turn of the writer before has to end.
    await stage.advance(40);
    const two = started(
      async () => writable(store),
      (result) => other.push(result),
    );
    await stage.advance(840);
    expect([hanging, other]).toEqual([[], []]);
    await stage.advance(110);
    expect(hanging).toEqual([
      expect.objectContaining({ status: "failed", detail: "a cycle took too long: something hangs" }),
    ]);
    expect(other.length).toBeGreaterThan(0);
    await two.stop();
    await stage.advance(100);
    const stopped = one.stop();
    await stage.advance(15);
    await stopped;
  });

  it("tries again after a store that cannot be opened, and logs the first of equal failures and their end", async () => {
    const lines: string[] = [];
    const report = cycleLog((line) => lines.push(line), arn);
    let opens = 0;
    const open = async () => {
      opens++;
      if (opens < 3) throw new Error("no route to AWS");
      return writable(store);
    };
    const writer = started(open, report);
    await stage.advance(200);
    await writer.stop();
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { worker: "api", event: "store_failed", store: arn, fault: "store", detail: "no route to AWS" },
      { worker: "api", event: "store_in_step", store: arn },
    ]);
  });
});

describe("the metrics of a store", () => {
  it("are reported after each change and otherwise once a minute, and not for a failed cycle", () => {
    const events: TelemetryEvent[] = [];
    const report = cycleTelemetry((event) => events.push(event), arn);
    const inStep = (offset: number, puts = 0): CycleResult => {
      const times = { inStepAt: unixSeconds(now + offset), writtenAt: now, until: unixSeconds(now + 3600) };
      const store = { ...times, entries: 3, bytes: 500, capacity: 1000, dropped: 1, filtered: 0, kids: [] };
      return { status: "in_step", store, puts, deletes: 0, next: seconds(5) };
    };
    for (const result of [inStep(0, 3), inStep(5), inStep(10, 1), inStep(69), inStep(70)]) report(result);
    report({ status: "failed", fault: "log", detail: "no answer", store: undefined, next: seconds(5) });
    const store = "0c1e4a38-2f5d-4c4a-9d55-5f2b6a1c7e90";
    const event = { event: "store", store, bytes: 500, capacity: 1000, entries: 3, dropped: 1 } as const;
    expect(events).toEqual([0, 10, 70].map((offset) => ({ ...event, inStepAt: now + offset })));
  });
});

describe("the service on Node", () => {
  it.each([
    ["function", ""],
    ["manifest", "o"],
  ])(
    "keeps the stores of its configuration in step, in one of the processes that share its stores, until it closes: renewal by the %s",
    async (renewal, mark) => {
      const store = new EmulatedStore(() => 0);
      // A new store would leave renewals to the manifest host in any case.
      const before = packed({ until: timeAfter(systemClock(), seconds(3600)) });
      store.update({ puts: [{ key: "c", value: before }] }, store.describe().etag);
      const database = join(folder, `stores-${renewal}.sqlite`);
      const opened: string[] = [];
      const configurationOf = (worker: WorkerName) => {
        const stores = { STAGEDOOR_CLOUDFRONT_STORES: arn, STAGEDOOR_CLOUDFRONT_RENEWAL: renewal };
        const read = readConfiguration({
          ...devEnvironment(worker, ring, "http://localhost:8788", stores),
          STAGEDOOR_API_URL: "http://localhost:8787",
        });
        if (!read.ok) throw new Error(read.refusal.join("\n"));
        return read.value;
      };
      const [api, manifest, edge] = (["api", "manifest", "edge"] as const).map(configurationOf);
      if (!api || !manifest || !edge) throw new Error("three services");
      const start = async (name: string) => {
        const stores = sqliteStores(database, { leaseTtl: edge.leaseTtl });
        const until = timeAfter(systemClock(), seconds(600));
        const login = {
          kind: "login",
          value: "AAAAAAAAAAAAAAAAAAAAAA",
          cause: "revoked",
          at: systemClock(),
          until,
        } as const;
        await stores.revocations.append([login], "operator");
        const host = await nodeHost({
          ...{ role: "api", configurations: { api, manifest, edge }, stores, accounts: undefined, roots: [] },
          ...{ origin: fileOrigin(new Map()), fetch, log: () => undefined },
          openStore: async (store_arn) => {
            opened.push(`${name} ${store_arn}`);
            return writable(store);
          },
        });
        if (!host.ok) throw new Error(host.refusal.join("\n"));
        return host.value;
      };
      const hosts = [await start("first"), await start("second")];
      await expect.poll(() => [...store.list().keys()].toSorted()).toEqual(["c", "lAAAAAAAAAAAAAAAAAAAAAA"]);
      expect(store.list().get("c")).toMatch(new RegExp(`^1\\|${mark}\\|\\d+\\|dev-cf:`));
      for (const host of hosts) await host.close();
      expect(opened.length).toBe(1);
      const stores = sqliteStores(database, { leaseTtl: edge.leaseTtl });
      const counts = new Map(await stores.gathered.counts());
      const gauge = (name: string) => counts.get(`stagedoor_cloudfront_store_${name}{store="${arn.split("/")[1]}"}`);
      expect(gauge("bytes")).toBe(store.describe().totalSizeInBytes);
      expect(["capacity_bytes", "entries", "dropped"].map(gauge)).toEqual([5_242_880, 2, 0]);
      expect(systemClock() - (gauge("in_step_timestamp_seconds") ?? 0)).toBeLessThan(600);
      await stores.close();
    },
  );
});
