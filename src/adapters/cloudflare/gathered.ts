import type { Gathered } from "../../telemetry/gathered.ts";
import { countsSchema, refusalsOfHourSchema, sessionsNowSchema } from "../../telemetry/gathered-schema.ts";

/** The part of a `DurableObjectNamespace<MetricsObject>` that is used here. */
export interface MetricsNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): MetricsStub;
}

interface MetricsStub {
  report(report: unknown): Promise<unknown>;
  counts(): Promise<unknown>;
  sessions(asked: unknown): Promise<unknown>;
  refusals(): Promise<unknown>;
}

/** The counts of all isolates, in the one MetricsObject. Each rejects where it does not answer, or with something else. */
export function gatheredBy<Id>(objects: MetricsNamespace<Id>): Gathered {
  // A stub that has failed once may go on failing.
  const object = () => objects.get(objects.idFromName("metrics"));
  return {
    report: async (report) => {
      await object().report(report);
    },
    counts: async () => countsSchema.parse(await object().counts()),
    sessions: async (asked) => sessionsNowSchema.parse(await object().sessions(asked)),
    refusals: async () => refusalsOfHourSchema.parse(await object().refusals()),
  };
}
