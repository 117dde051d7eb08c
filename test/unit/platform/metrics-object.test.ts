import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/time.ts";
import { gatheredBy, type MetricsStoreNamespace } from "../../../src/platform/cloudflare/object-clients.ts";
import { countOf, gatheredContract, refusalOf, reportOf, sessionOf } from "../metrics/gathered-contract.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

/** The part of the module `cloudflare:test` that this test uses. */
interface ObjectTools {
  runInDurableObject<Value>(stub: unknown, work: (object: unknown, state: StoredState) => Value): Promise<Value>;
  evictDurableObject(stub: unknown): Promise<void>;
}

interface StoredState {
  readonly storage: { readonly sql: { exec(statement: string): Iterable<Readonly<Record<string, unknown>>> } };
}

const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "METRICS_STORE");
const tools = isNamespace(namespace) ? await objectTools() : undefined;
const series = "stagedoor_started_total";

describe.skipIf(!isNamespace(namespace) || tools === undefined)("in workerd, which has Durable Objects,", () => {
  if (!isNamespace(namespace) || tools === undefined) return;
  let made = 0;
  const open = () => {
    const name = `metrics-${made++}`;
    const stub = () => namespace.get(namespace.idFromName(name));
    return { stub, gathered: gatheredBy({ idFromName: () => name, get: stub }) };
  };
  gatheredContract("the object", () => open().gathered, systemClock);

  describe("the metrics object, after it left memory,", () => {
    const refused = 'stagedoor_refused_total{worker="edge",code="key_unknown"}';

    it("still has the counts, the hour, the refusals and the sessions of every report", async () => {
      const { stub, gathered } = open();
      const counts = [
        [series, 5],
        [refused, 2],
      ] as const;
      const alive = [sessionOf("a", systemClock()), sessionOf("b", systemClock())];
      await gathered.report(reportOf({ counts, alive, refusals: [refusalOf("1", systemClock())] }));
      await gathered.report(reportOf({ counts: [[series, 1]], ended: ["b"] }));
      await tools.evictDurableObject(stub());
      expect(await countOf(gathered, series)).toBe(6);
      const { minutes, recent } = await gathered.refusals();
      expect(minutes.flatMap(({ counts: of }) => Object.entries(of))).toEqual([["key_unknown", 2]]);
      expect(recent.map(({ request }) => request)).toEqual(["1"]);
      expect((await gathered.sessions({ limit: 9 })).sessions.map(({ sessionId }) => sessionId)).toEqual(["a"]);
      // Another isolate that does not know of the end.
      await gathered.report(reportOf({ alive: [sessionOf("b", systemClock())] }));
      expect(await countOf(gathered, "stagedoor_sessions")).toBe(1);
    });

    it("does not count a report again that it had counted before", async () => {
      const { stub, gathered } = open();
      const report = reportOf({ from: { isolate: "one", sequence: 7 }, counts: [[series, 5]] });
      await gathered.report(report);
      await tools.evictDurableObject(stub());
      await gathered.report(report);
      expect(await countOf(gathered, series)).toBe(5);
    });

    it("still has hundreds of reports in a few rows, because old ones are folded into one", async () => {
      const { stub, gathered } = open();
      for (let n = 1; n <= 510; n++) {
        const alive = [sessionOf(`s${n}`, systemClock())];
        const from = { isolate: "one", sequence: n };
        await gathered.report(
          reportOf({
            from,
            alive,
            counts: [
              [series, 1],
              [refused, 1],
            ],
            refusals: [refusalOf(`${n}`, systemClock())],
            ended: ["s1"],
          }),
        );
      }
      const contents = async () => [
        await gathered.counts(),
        await gathered.refusals(),
        await gathered.sessions({ limit: 999 }),
      ];
      const before = await contents();
      expect(before[0]).toContainEqual([series, 510]);
      await tools.evictDurableObject(stub());
      expect(await contents()).toEqual(before);
      await gathered.report(reportOf({ from: { isolate: "one", sequence: 510 }, counts: [[series, 1]] }));
      expect(await countOf(gathered, series)).toBe(510);
      const rows = await tools.runInDurableObject(stub(), (_, { storage }) => [
        ...storage.sql.exec("SELECT (SELECT COUNT(*) FROM report) + (SELECT COUNT(*) FROM snapshot) AS rows"),
      ]);
      expect(Number(rows[0]?.rows)).toBeLessThan(20);
    });

    it("still has a report that is too long for a row", async () => {
      const { stub, gathered } = open();
      const alive = Array.from({ length: 10_000 }, (_, n) => sessionOf(`${n}`.padEnd(128, "s"), systemClock()));
      await gathered.report(reportOf({ counts: [[series, 5]], alive }));
      await tools.evictDurableObject(stub());
      expect(await countOf(gathered, series)).toBe(5);
      expect(await countOf(gathered, "stagedoor_sessions")).toBe(10_000);
      const longest = "SELECT MAX(LENGTH(body)) AS length FROM report UNION SELECT MAX(LENGTH(value)) FROM snapshot";
      const rows = await tools.runInDurableObject(stub(), (_, { storage }) => [...storage.sql.exec(longest)]);
      for (const { length } of rows) expect(Number(length)).toBeLessThan(600_000);
    });
  });

  it.each([
    ["text instead of a report", "MARKED"],
    ["a malformed series", reportOf({ counts: [["a\nb", 1]] })],
    ["a count that decreases", reportOf({ counts: [[series, -1]] })],
    ["a duplicate label", reportOf({ counts: [['stagedoor_x{a="b",a="c"}', 1]] })],
    ["a malformed worker name", reportOf({ worker: 'edge"} 1' })],
  ])("the object ignores %s, and counts the report as unread", async (_, report) => {
    const { stub, gathered } = open();
    await stub().report(report);
    expect(await gathered.counts()).toEqual([
      ["stagedoor_reports_unread_total", 1],
      ["stagedoor_sessions", 0],
    ]);
  });

  it("the object accepts a report of a worker that has other metrics", async () => {
    const { stub, gathered } = open();
    await stub().report({ ...reportOf({ counts: [['stagedoor_later_total{a="b"}', 2]] }), later: true });
    expect(await countOf(gathered, 'stagedoor_later_total{a="b"}')).toBe(2);
  });

  it("the object remembers after it left memory that it got an unreadable report", async () => {
    const { stub, gathered } = open();
    await stub().report("MARKED");
    await tools.evictDurableObject(stub());
    expect(await countOf(gathered, "stagedoor_reports_unread_total")).toBe(1);
  });
});

async function objectTools(): Promise<ObjectTools> {
  // The name is in a variable so that bundlers do not resolve it, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const value: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(value)) throw new Error("the test runner has no tools for Durable Objects");
  return value;
}

function isNamespace(value: unknown): value is MetricsStoreNamespace<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "idFromName") === "function";
}

function isTools(value: unknown): value is ObjectTools {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "evictDurableObject") === "function";
}
