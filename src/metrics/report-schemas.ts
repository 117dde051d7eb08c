import * as z from "zod";
import type { RefusalCode } from "../base/result.ts";
import { isUnixSeconds } from "../base/time.ts";
import { bucketSchema, markSchema, seenStateSchema, statesSchema } from "./day-history.ts";
import { actionSchema, happeningSchema, serviceEventSchema } from "./event-log.ts";
import { groupings } from "./gathered.ts";
import type { Kept } from "./gathering.ts";
import { noOutcomes } from "./last-hour.ts";
import { readSeries } from "./metrics.ts";

// RPC messages may come from a worker of another version, and stored data from an older one.

const time = z.number().refine(isUnixSeconds);
const word = z.string().regex(/^[a-z][a-z-]{0,31}$/);
const id = z.string().min(1).max(128);
/** Codes of other versions are accepted too. */
const code = z.custom<RefusalCode>((value) => typeof value === "string" && /^[a-z][a-z_]{0,63}$/.test(value));
const series = z
  .string()
  .max(300)
  .refine((text) => readSeries(text) !== undefined);
const count = z.tuple([series, z.number().nonnegative()]);

const asn = z.int().min(0).max(4_294_967_295);
/** A group's value: an id, a country or a family; without control characters, because it is shown. */
const group = z.string().regex(/^[\w .:+()&!-]{1,64}$/);

const liveSessionSchema = z.object({
  sessionId: id,
  assetId: id,
  subject: z.string().max(128),
  country: z.string().regex(/^[A-Z]{2}$/),
  startedAt: time,
  seenAt: time,
  expiresAt: time,
  asn: asn.optional(),
  player: group.optional(),
});

const pastSessionSchema = liveSessionSchema.extend({ endedAt: time.optional() });

const refusalSchema = z.object({
  at: time,
  worker: word,
  code,
  reason: z.string().max(2_000),
  request: z.string().max(128),
  subject: z.string().max(128).optional(),
  asset: id.optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  asn: asn.optional(),
  player: group.optional(),
});

/** A report as an isolate sends it. */
export const reportSchema = z.object({
  worker: word,
  from: z.object({ isolate: id, sequence: z.int().positive() }).optional(),
  counts: z.array(count).max(10_000),
  refusals: z.array(refusalSchema).max(1_000),
  alive: z.array(liveSessionSchema).max(10_000),
  ended: z.array(id).max(10_000),
  states: statesSchema.optional(),
  why: z
    .array(z.tuple([id, word]))
    .max(10_000)
    .optional(),
  happened: z.array(happeningSchema).max(1_000).optional(),
  groups: z
    .array(z.tuple([z.enum(groupings), group, z.string().regex(/^[a-z][a-z_]{0,63}$/), z.int().positive()]))
    .max(2_000)
    .optional(),
});

export const sessionsAskedSchema = z.object({
  asset: z.string().optional(),
  session: z.string().optional(),
  subject: z.string().optional(),
  country: z.string().optional(),
  asn: z.int().optional(),
  player: z.string().optional(),
  name: z.string().optional(),
  skip: z.int().nonnegative().optional(),
  order: z.literal("begun").optional(),
  without: z
    .object({
      sessions: z.array(z.string()),
      assets: z.array(z.string()),
      subjects: z.array(z.tuple([z.string(), time])),
    })
    .optional(),
  limit: z.int().nonnegative(),
});

/** The keyed hashes of a viewer, one per key in use. */
export const subjectsAskedSchema = z.array(z.string().max(128)).max(1_000);

/** The responses of the gathering object. */
export const countsSchema = z.array(count);
export const sessionsNowSchema = z.object({ count: z.int().nonnegative(), sessions: z.array(liveSessionSchema) });
export const viewerSessionsSchema = z.object({
  live: z.array(liveSessionSchema),
  past: z.array(pastSessionSchema),
});
const perCode = z.record(z.string(), z.number());
const outcomes = z.object({ accepted: z.number(), refused: perCode });
const minuteSchema = z.object({
  at: time,
  counts: perCode,
  // Absent in data of an older version.
  viewers: z.object({ start: outcomes, media: outcomes }).default({ start: noOutcomes, media: noOutcomes }),
});
export const refusalsOfHourSchema = z.object({ minutes: z.array(minuteSchema), recent: z.array(refusalSchema) });

export const groupsSchema = z.array(z.object({ value: z.string(), watching: z.int().nonnegative(), refused: perCode }));
export const groupBySchema = z.enum(groupings);

/** Stored data, one schema per part. */
export const keptSchemas: { readonly [Part in keyof Kept]: z.ZodType<Kept[Part][number]> } = {
  counts: count,
  minutes: minuteSchema,
  groups: z.object({
    at: time,
    by: groupBySchema,
    value: z.string(),
    code: z.string(),
    count: z.number(),
  }),
  refusals: refusalSchema,
  isolates: z.tuple([id, z.int().positive()]),
  buckets: bucketSchema,
  marks: markSchema,
  states: seenStateSchema,
  events: serviceEventSchema,
  actions: actionSchema,
  alive: liveSessionSchema,
  ended: z.tuple([id, time]),
  past: pastSessionSchema,
};
