import * as z from "zod";
import { ok, type Refusal, type Result } from "../base/result.ts";
import { rfc3339, roundDownTo, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { RouteTable } from "../http/route.ts";
import { bucketLength, type History, type Mark, markKinds } from "../metrics/day-history.ts";
import { fromStore, type SessionRequest } from "../sessions/session-context.ts";
import { percentOf } from "./counts.ts";
import type { OperatorContext } from "./operator-context.ts";
import { type OperatorRoute, operatorRoute } from "./operator-route.ts";

/** What came of some time's requests. A share or length without requests is undefined. */
export interface Figures {
  readonly starts: number;
  readonly startsAccepted: number;
  readonly media: number;
  readonly mediaAccepted: number;
  /** All refusals, whatever was requested. */
  readonly refused: number;
  readonly originRequests: number;
  readonly originFailed: number;
  /** The mean time until the headers of an origin's response. */
  readonly originSeconds: number | undefined;
  readonly cacheLookups: number;
  readonly cacheHits: number;
  /** The mean time since the newest part of a live playlist ended; of how many versions. */
  readonly liveVersions: number;
  readonly liveSeconds: number | undefined;
}

interface FiguresAt extends Figures {
  readonly at: UnixSeconds;
}

/** The last 24 hours, the 24 hours before, and what is clearly worse in the last hour than a day before. */
export interface Days {
  readonly today: readonly FiguresAt[];
  readonly yesterday: readonly FiguresAt[];
  /** The last 24 hours, each with the same hour of yesterday. */
  readonly hours: readonly { readonly from: UnixSeconds; readonly now: Figures; readonly before: Figures }[];
  /** The last hour, and the same hour of yesterday. */
  readonly lastHour: Figures;
  readonly dayBefore: Figures;
  readonly worse: readonly string[];
  /** Of the last 24 hours. */
  readonly marks: readonly Mark[];
}

const day = 86_400;
const perDay = day / bucketLength;
const perHour = 3_600 / bucketLength;

export async function daysNow(context: OperatorContext): Promise<Result<Days, Refusal<"store_unavailable">>> {
  const history = await fromStore("the metrics object", context.gathered.history(), context);
  return history.ok ? ok(daysOf(history.value, context.clock())) : history;
}

/** The figures per ten minutes. The last bucket is not over yet. */
export function daysOf({ buckets, marks }: History, now: UnixSeconds): Days {
  const sums = new Map(buckets.map((bucket) => [bucket.at, bucket.sums]));
  const last = roundDownTo(bucketLength, now);
  const bucketsUpTo = (end: number, count: number) =>
    Array.from({ length: count }, (_, place) => unixSeconds(end - bucketLength * (count - 1 - place)));
  const each = (end: number) => bucketsUpTo(end, perDay).map((at) => ({ at, ...figuresOf([sums.get(at) ?? {}]) }));
  const hour = (end: number) => figuresOf(bucketsUpTo(end, perHour).map((at) => sums.get(at) ?? {}));
  const [lastHour, dayBefore] = [hour(last), hour(last - day)];
  return {
    today: each(last),
    yesterday: each(last - day),
    hours: Array.from({ length: 24 }, (_, place) => {
      const end = last - 3_600 * (23 - place);
      return { from: unixSeconds(end - 3_600 + bucketLength), now: hour(end), before: hour(end - day) };
    }),
    lastHour,
    dayBefore,
    worse: worseThan(lastHour, dayBefore),
    marks: marks.filter(({ at }) => at > last - day),
  };
}

function figuresOf(buckets: readonly Readonly<Record<string, number>>[]): Figures {
  const sum = (...names: readonly string[]) =>
    buckets.reduce((total, bucket) => names.reduce((all, name) => all + (bucket[name] ?? 0), total), 0);
  const asked = (what: string) =>
    sum(...["accepted", "ours", "origin", "provider", "viewer"].map((part) => `${what}_${part}`));
  const mean = (seconds: string, count: string) => (sum(count) > 0 ? sum(seconds) / sum(count) : undefined);
  return {
    starts: asked("start"),
    startsAccepted: sum("start_accepted"),
    media: asked("media"),
    mediaAccepted: sum("media_accepted"),
    refused: sum("refused"),
    originRequests: sum("origin_answered", "origin_failed"),
    originFailed: sum("origin_failed"),
    originSeconds: mean("origin_seconds", "origin_answered"),
    cacheLookups: sum("cache_hit", "cache_miss"),
    cacheHits: sum("cache_hit"),
    liveVersions: sum("live_versions"),
    liveSeconds: mean("live_seconds", "live_versions"),
  };
}

/** Fewer requests in one of the two hours compare nothing. */
const fewest = 50;

/**
 * What is clearly worse than a day before, with both figures: an accepted share that is 5 percentage points lower, an origin
 * that fails 5 points more often or takes twice as long and 0.1 s longer, live playlists that are twice as late and 5 s
 * later, and a cache that has 20 points fewer hits.
 */
export function worseThan(now: Figures, before: Figures): readonly string[] {
  const share = (words: string, parts: (of: Figures) => readonly [part: number, whole: number], points: number) => {
    const [[part, whole], [earlierPart, earlierWhole]] = [parts(now), parts(before)];
    if (Math.min(whole, earlierWhole) < fewest) return [];
    const change = (part / whole - earlierPart / earlierWhole) * 100;
    if (points < 0 ? change > points : change < points) return [];
    return [`${words}: ${percentOf(part, whole)}, and ${percentOf(earlierPart, earlierWhole)} a day before`];
  };
  const slower = (
    words: string,
    of: (figures: Figures) => readonly [count: number, mean: number | undefined],
    least: number,
  ) => {
    const [[count, late], [earlierCount, early]] = [of(now), of(before)];
    if (late === undefined || early === undefined || Math.min(count, earlierCount) < fewest) return [];
    if (late < 2 * early || late < early + least) return [];
    return [`${words}: ${secondsText(late)}, and ${secondsText(early)} a day before`];
  };
  return [
    ...share("Accepted starts", ({ startsAccepted, starts }) => [startsAccepted, starts], -5),
    ...share("Served media requests", ({ mediaAccepted, media }) => [mediaAccepted, media], -5),
    ...share("Failed requests to the origin", ({ originFailed, originRequests }) => [originFailed, originRequests], 5),
    ...slower("Time of the origin", ({ originRequests, originSeconds }) => [originRequests, originSeconds], 0.1),
    ...slower("Delay of live playlists", ({ liveVersions, liveSeconds }) => [liveVersions, liveSeconds], 5),
    ...share("Cache hits", ({ cacheHits, cacheLookups }) => [cacheHits, cacheLookups], -20),
  ];
}

/** `0.042 s`. */
export function secondsText(length: number): string {
  return `${length.toFixed(length < 1 ? 3 : 1)} s`;
}

const count = z.int().min(0);
const length = z.number().min(0);
const figuresShape = {
  starts: z.strictObject({ requested: count, accepted: count }),
  media: z.strictObject({ requested: count, accepted: count }).describe("Playlists, segments, keys and files."),
  refused: count.describe("All refusals, whatever was requested."),
  origin: z.strictObject({
    requests: count,
    failed: count,
    seconds: length.exactOptional().describe("The mean time until the headers of a response."),
  }),
  cache: z.strictObject({ lookups: count, hits: count }),
  liveSeconds: length
    .exactOptional()
    .describe("The mean time since the newest part of a live playlist ended, by EXT-X-PROGRAM-DATE-TIME."),
};
const figuresSchema = z.strictObject(figuresShape);
const bucketsSchema = z.array(z.strictObject({ at: z.iso.datetime(), ...figuresShape }));

const historyBodySchema: z.ZodType<ReturnType<typeof historyJson>> = z.strictObject({
  at: z.iso.datetime(),
  bucketSeconds: count.describe("The length of each part of `today` and `yesterday`."),
  worse: z.array(z.string()).describe("What is clearly worse in the last hour than a day before."),
  lastHour: figuresSchema,
  dayBefore: figuresSchema.describe("The same hour of yesterday."),
  marks: z
    .array(z.strictObject({ at: z.iso.datetime(), kind: z.enum(markKinds), state: z.string() }))
    .describe("A worker's new release, or a key's new state, in the last 24 hours."),
  today: bucketsSchema.describe("The last 24 hours, oldest first; the last part is not over yet."),
  yesterday: bucketsSchema.describe("The 24 hours before."),
});

/** The body of `GET /operator/history`. */
function historyJson({ today, yesterday, lastHour, dayBefore, worse, marks }: Days, now: UnixSeconds) {
  const bucket = (figures: FiguresAt) => ({ at: rfc3339(figures.at), ...figuresJson(figures) });
  return {
    at: rfc3339(now),
    bucketSeconds: Number(bucketLength),
    worse: [...worse],
    lastHour: figuresJson(lastHour),
    dayBefore: figuresJson(dayBefore),
    marks: marks.map(({ at, kind, state }) => ({ at: rfc3339(at), kind, state })),
    today: today.map(bucket),
    yesterday: yesterday.map(bucket),
  };
}

function figuresJson(figures: Figures) {
  const { originSeconds, liveSeconds } = figures;
  return {
    starts: { requested: figures.starts, accepted: figures.startsAccepted },
    media: { requested: figures.media, accepted: figures.mediaAccepted },
    refused: figures.refused,
    origin: {
      requests: figures.originRequests,
      failed: figures.originFailed,
      ...(originSeconds !== undefined && { seconds: originSeconds }),
    },
    cache: { lookups: figures.cacheLookups, hits: figures.cacheHits },
    ...(liveSeconds !== undefined && { liveSeconds }),
  };
}

/** The route of the last two days. */
export const historyRoutes: RouteTable<OperatorRoute> = {
  "/operator/history": {
    GET: operatorRoute({
      id: "history",
      tag: "Operators",
      summary: "Compare with yesterday",
      description:
        "Starts, media requests, refusals, origin and cache of the last 24 hours and of the 24 hours before, per ten minutes, " +
        "with the releases and key steps of that time.",
      access: ["operator:read"],
      response: {
        status: 200,
        description: "The figures. Parts without requests have zeros.",
        body: { name: "History", schema: historyBodySchema },
      },
      refusals: [],
      run: showHistory,
    }),
  },
};

async function showHistory(_: SessionRequest, context: OperatorContext) {
  const days = await daysNow(context);
  return days.ok ? ok(historyJson(days.value, context.clock())) : days;
}
