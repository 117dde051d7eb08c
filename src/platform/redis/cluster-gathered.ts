import { randomUUID } from "node:crypto";
import * as z from "zod";
import { type Clock, type Seconds, seconds } from "../../base/time.ts";
import type { Gathered, Report } from "../../metrics/gathered.ts";
import { Gathering, reportSchema } from "../../metrics/gathering.ts";
import type { RedisPart } from "./redis-stores.ts";

const messageSchema = z.object({ from: z.string(), report: reportSchema });

/**
 * The counts of this process, and the live sessions and refusals of all processes. Prometheus adds up the counts of the
 * processes that it reads. Sessions and refusals are sent to all processes as messages, which Redis does not store: one
 * that has just started knows all of them after a lease.
 */
export async function clusterGathered(
  { redis, prefix }: RedisPart,
  { clock, leaseTtl, listens }: { readonly clock: Clock; readonly leaseTtl: Seconds; readonly listens: boolean },
): Promise<Gathered> {
  const silence = seconds(leaseTtl + 30);
  const [own, everyone] = [new Gathering(clock, silence), new Gathering(clock, silence)];
  const [channel, from] = [`${prefix}reports`, randomUUID()];
  if (listens)
    await redis.subscribe(channel, (message) => {
      const { data } = messageSchema.safeParse(parsed(message));
      if (data === undefined) own.countUnread();
      else if (data.from !== from) everyone.report(data.report);
    });
  return {
    report: async (report) => {
      own.report(report);
      everyone.report(report);
      const { counts, refusals, alive, ended } = report;
      // The counts of refusals are the history of the last hour.
      const shared: Report = { ...report, counts: counts.filter(([series]) => series.startsWith(refused)) };
      if (shared.counts.length + refusals.length + alive.length + ended.length === 0) return;
      await redis.command(channel, "PUBLISH", channel, JSON.stringify({ from, report: shared }));
    },
    counts: async () => own.counts(),
    sessions: async (query) => everyone.sessions(query),
    refusals: async () => everyone.refusals(),
  };
}

const refused = "stagedoor_refused_total{";

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
