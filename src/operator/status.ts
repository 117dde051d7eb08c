import * as z from "zod";
import { rfc3339 } from "../base/time.ts";
import { type Answered, answeredIn } from "./counts.ts";
import { daysNow } from "./history.ts";
import { listKeys } from "./list-keys.ts";
import { listRefusals, listSessions } from "./list-sessions.ts";
import type { OperatorContext } from "./operator-context.ts";
import { unenforcedJson, unenforcedNow, unenforcedSchema } from "./set-enforcement.ts";
import { levels, type Overview, verdictOf, watchedMinutes } from "./verdict.ts";

/** What the verdict is about. A store that is down is a part that was refused. */
export async function overviewNow(context: OperatorContext): Promise<Overview> {
  const [sessions, refusals, keys, days, unenforced] = await Promise.all([
    listSessions({ limit: 1 }, context),
    listRefusals(context),
    listKeys(context),
    daysNow(context),
    unenforcedNow(context),
  ]);
  const watching = sessions.ok ? sessions.value.count : undefined;
  const worse = days.ok ? days.value.worse : [];
  return { sessions, watching, refusals, keys, worse, unenforced, now: context.clock() };
}

const count = z.int().min(0);
const answeredSchema = z.strictObject({
  requested: count,
  accepted: count,
  refused: z
    .strictObject({ ours: count, origin: count, provider: count, viewer: count })
    .describe("By whose fault it was: this service's, the origin's, the provider's, or the viewers'."),
  codes: z.record(z.string(), count).describe("The refusals per code."),
});

export const statusSchema: z.ZodType<ReturnType<typeof statusJson>> = z.strictObject({
  at: z.iso.datetime(),
  level: z.enum(levels).describe("error: viewers cannot start or watch, or a part of the service fails."),
  words: z.string().describe("The headline of the console."),
  why: z.string().describe("The evidence, or what to look at first."),
  watching: count.exactOptional().describe("The number of running sessions."),
  minutes: count.describe("The length of the time that starts and media are about."),
  starts: answeredSchema.exactOptional(),
  media: answeredSchema.exactOptional().describe("Requests for playlists, segments, keys and files."),
  unenforced: unenforcedSchema,
});

/** The headline of the console and its figures. */
export function statusJson(overview: Overview) {
  const { watching, refusals, unenforced, now } = overview;
  const { level, words, why } = verdictOf(overview);
  return {
    at: rfc3339(now),
    level,
    words,
    why,
    ...(watching !== undefined && { watching }),
    minutes: watchedMinutes,
    ...(refusals.ok && {
      starts: answeredJson(answeredIn(refusals.value.minutes, "start", watchedMinutes)),
      media: answeredJson(answeredIn(refusals.value.minutes, "media", watchedMinutes)),
    }),
    unenforced: unenforcedJson(unenforced),
  };
}

function answeredJson({ requested, accepted, refused, codes }: Answered) {
  return { requested, accepted, refused, codes: Object.fromEntries(codes) };
}
