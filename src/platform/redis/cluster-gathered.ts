import { randomUUID } from "node:crypto";
import * as z from "zod";
import { type Clock, type Seconds, seconds } from "../../base/time.ts";
import type { Gathered } from "../../metrics/gathered.ts";
import { Gathering } from "../../metrics/gathering.ts";
import { reportSchema } from "../../metrics/report-schemas.ts";
import type { RedisPart } from "./redis-stores.ts";

const messageSchema = z.object({ from: z.string(), report: reportSchema });

export interface ClusterGatheringParts {
  readonly clock: Clock;
  readonly leaseTtl: Seconds;
  /** Whether this process gathers the reports of all processes. */
  readonly listens: boolean;
  /** Where it keeps them; processes with one store count each report once. Without it they are in memory. */
  readonly stored?: Gathered | undefined;
}

/**
 * The counts, live sessions and refusals of all processes. Each report is sent to all processes as a message, which Redis
 * does not store. With a store, the counts are those of all reports since it was made; without one they are those of
 * this process, and sessions are known after a lease.
 */
export async function clusterGathered(
  { redis, prefix }: RedisPart,
  { clock, leaseTtl, listens, stored }: ClusterGatheringParts,
): Promise<Gathered> {
  const silence = seconds(leaseTtl + 30);
  const own = new Gathering(clock, silence);
  const everyone = stored ?? inMemory(new Gathering(clock, silence));
  const [channel, from] = [`${prefix}reports`, randomUUID()];
  if (listens)
    await redis.subscribe(channel, (message) => {
      const { data } = messageSchema.safeParse(parsed(message));
      if (data === undefined) own.countUnread();
      // A report that a full disk loses is not worth the process.
      else if (data.from !== from) void everyone.report(data.report).catch(() => own.countUnread());
    });
  return {
    report: async (report) => {
      own.report(report);
      await everyone.report(report);
      const { counts, refusals, alive, ended } = report;
      if (counts.length + refusals.length + alive.length + ended.length === 0) return;
      await redis.command(channel, "PUBLISH", channel, JSON.stringify({ from, report }));
    },
    counts: async () => (stored === undefined ? own.counts() : stored.counts()),
    sessions: (query) => everyone.sessions(query),
    refusals: () => everyone.refusals(),
    groups: (by) => everyone.groups(by),
    ofViewer: (subjects) => everyone.ofViewer(subjects),
    history: () => everyone.history(),
    events: (after, limit) => everyone.events(after, limit),
    actions: () => everyone.actions(),
  };
}

function inMemory(gathering: Gathering): Gathered {
  return {
    report: async (report) => gathering.report(report),
    counts: async () => gathering.counts(),
    sessions: async (query) => gathering.sessions(query),
    refusals: async () => gathering.refusals(),
    groups: async (by) => gathering.groups(by),
    ofViewer: async (subjects) => gathering.ofViewer(subjects),
    history: async () => gathering.history(),
    events: async (after, limit) => gathering.events(after, limit),
    actions: async () => gathering.actions(),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
