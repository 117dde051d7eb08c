import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/time.ts";
import { gatheredBy, type MetricsStoreNamespace } from "../../../src/platform/cloudflare/object-clients.ts";
import { countOf, gatheredContract, refusalOf, reportOf, sessionOf } from "../metrics/gathered-contract.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

/** The part of the module `cloudflare:test` that is used here. */
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

describe.skipIf(!isNamespace(namespace) || tools === undefined)("in workerd alone: it has Durable Objects", () => {
  if (!isNamespace(namespace) || tools === undefined) return;
  let made = 0;
  const open = () => {
    const name = `metrics-${made++}`;
    const stub = () => namespace.get(namespace.idFromName(name));
    return { stub, gathered: gatheredBy({ idFromName: () => name, get: stub }) };
  };
  gatheredContract("the object", () => open().gathered, systemClock);

  describe("the object leaves memory after ten seconds without a question, and then", () => {
    const refused = 'stagedoor_refused_total{worker="edge",code="key_unknown"}';

    it("still has all that a report told, though nobody has looked at it: counts, the hour, refusals and sessions", async () => {
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
      // Another isolate that has not heard of the end.
      await gathered.report(reportOf({ alive: [sessionOf("b", systemClock())] }));
      expect(await countOf(gathered, "stagedoor_sessions")).toBe(1);
    });

    it("counts a report no second time that came before it left", async () => {
      const { stub, gathered } = open();
      const report = reportOf({ from: { isolate: "one", sequence: 7 }, counts: [[series, 5]] });
      await gathered.report(report);
      await tools.evictDurableObject(stub());
      await gathered.report(report);
      expect(await countOf(gathered, series)).toBe(5);
    });

    it("still has what hundreds of reports told, in a few rows: the old ones are folded into one", async () => {
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
      const told = async () => [
        await gathered.counts(),
        await gathered.refusals(),
        await gathered.sessions({ limit: 999 }),
      ];
      const before = await told();
      expect(before[0]).toContainEqual([series, 510]);
      await tools.evictDurableObject(stub());
      expect(await told()).toEqual(before);
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
    ["no report", "MARKED"],
    ["a series that is none", reportOf({ counts: [["a\nb", 1]] })],
    ["a count that goes down", reportOf({ counts: [[series, -1]] })],
    ["a label that is named twice", reportOf({ counts: [['stagedoor_x{a="b",a="c"}', 1]] })],
    ["a worker with a name that is none", reportOf({ worker: 'edge"} 1' })],
  ])("the object takes nothing of %s, and counts that it came", async (_, report) => {
    const { stub, gathered } = open();
    await stub().report(report);
    expect(await gathered.counts()).toEqual([
      ["stagedoor_reports_unread_total", 1],
      ["stagedoor_sessions", 0],
    ]);
  });

  it("the object takes a report of a worker that counts something else", async () => {
    const { stub, gathered } = open();
    await stub().report({ ...reportOf({ counts: [['stagedoor_later_total{a="b"}', 2]] }), later: true });
    expect(await countOf(gathered, 'stagedoor_later_total{a="b"}')).toBe(2);
  });

  it("the object still knows after it left memory that a report came which nobody can read", async () => {
    const { stub, gathered } = open();
    await stub().report("MARKED");
    await tools.evictDurableObject(stub());
    expect(await countOf(gathered, "stagedoor_reports_unread_total")).toBe(1);
  });
});

async function objectTools(): Promise<ObjectTools> {
  // By a name that no bundler looks into, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const found: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(found)) throw new Error("the test runner has no tools for Durable Objects");
  return found;
}

function isNamespace(found: unknown): found is MetricsStoreNamespace<unknown> {
  return typeof found === "object" && found !== null && typeof Reflect.get(found, "idFromName") === "function";
}

function isTools(found: unknown): found is ObjectTools {
  return typeof found === "object" && found !== null && typeof Reflect.get(found, "evictDurableObject") === "function";
}
