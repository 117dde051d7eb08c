import { type Clock, type Seconds, seconds } from "../../base/seconds.ts";
import type { Gathered } from "../../telemetry/gathered.ts";
import { Gathering } from "../../telemetry/gathering.ts";

/** Counts that are gathered in memory, for tests and benchmarks. */
export function memoryGathered(clock: Clock, silence: Seconds = seconds(120)): Gathered {
  const gathering = new Gathering(clock, silence);
  return {
    report: async (report) => {
      gathering.report(report);
    },
    counts: async () => gathering.counts(),
    sessions: async (asked) => gathering.sessions(asked),
    refusals: async () => gathering.refusals(),
  };
}
