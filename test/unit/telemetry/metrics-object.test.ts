import { describe, expect, it } from "vitest";
import { gatheredBy, type MetricsNamespace } from "../../../src/adapters/cloudflare/gathered.ts";
import { systemClock } from "../../../src/base/seconds.ts";
import { runtimeBindings } from "../adapters/runtime-bindings.ts";
import { countOf, gatheredContract, reportOf, sessionOf } from "./gathered-contract.ts";

/** The part of the module `cloudflare:test` that is used here. */
interface ObjectTools {
  runDurableObjectAlarm(stub: unknown): Promise<boolean>;
  evictDurableObject(stub: unknown): Promise<void>;
}

const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "METRICS");
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

  describe("the object, after a restart,", () => {
    it("never goes back behind a count that it has shown: that would be taken for a counter that began anew", async () => {
      const { stub, gathered } = open();
      await gathered.report(reportOf({ counts: [[series, 5]] }));
      expect(await countOf(gathered, series)).toBe(5);
      await tools.evictDurableObject(stub());
      await gathered.report(reportOf({ counts: [[series, 1]] }));
      expect(await countOf(gathered, series)).toBe(6);
    });

    it("still has what was reported half a minute before, shown or not, and the refusals of the hour", async () => {
      const { stub, gathered } = open();
      const refused = 'stagedoor_refused_total{worker="edge",code="key_unknown"}';
      await gathered.report(
        reportOf({
          counts: [
            [series, 5],
            [refused, 2],
          ],
        }),
      );
      expect(await tools.runDurableObjectAlarm(stub())).toBe(true);
      await tools.evictDurableObject(stub());
      expect(await countOf(gathered, series)).toBe(5);
      const { minutes } = await gathered.refusals();
      expect(minutes.flatMap(({ counts }) => Object.entries(counts))).toEqual([["key_unknown", 2]]);
    });

    it("hears of the sessions anew: who they are is written down nowhere", async () => {
      const { stub, gathered } = open();
      await gathered.report(reportOf({ alive: [sessionOf("a", systemClock())] }));
      expect(await countOf(gathered, "stagedoor_sessions")).toBe(1);
      await tools.evictDurableObject(stub());
      expect(await countOf(gathered, "stagedoor_sessions")).toBe(0);
    });
  });

  it.each([
    ["no report", "MARKED"],
    ["a series that is none", reportOf({ counts: [["a\nb", 1]] })],
    ["a count that goes down", reportOf({ counts: [[series, -1]] })],
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
});

async function objectTools(): Promise<ObjectTools> {
  // By a name that no bundler looks into, as in runtime-bindings.ts.
  const name = "cloudflare:test";
  const found: unknown = await import(/* @vite-ignore */ name);
  if (!isTools(found)) throw new Error("the test runner has no tools for Durable Objects");
  return found;
}

function isNamespace(found: unknown): found is MetricsNamespace<unknown> {
  return typeof found === "object" && found !== null && typeof Reflect.get(found, "idFromName") === "function";
}

function isTools(found: unknown): found is ObjectTools {
  return typeof found === "object" && found !== null && typeof Reflect.get(found, "evictDurableObject") === "function";
}
