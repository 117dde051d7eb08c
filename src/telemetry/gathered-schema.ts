import * as z from "zod";
import type { RefusalCode } from "../base/refusal.ts";
import { isUnixSeconds } from "../base/seconds.ts";
import type { Kept } from "./gathering.ts";
import { readSeries } from "./series.ts";

// What comes over RPC may be of a worker of another version, and what is stored of an older one.

const time = z.number().refine(isUnixSeconds);
const word = z.string().regex(/^[a-z][a-z-]{0,31}$/);
const id = z.string().min(1).max(128);
/** One that another version knows is a code all the same. */
const code = z.custom<RefusalCode>((value) => typeof value === "string" && /^[a-z][a-z_]{0,63}$/.test(value));
const series = z
  .string()
  .max(300)
  .refine((text) => readSeries(text) !== undefined);
const count = z.tuple([series, z.number().nonnegative()]);

const liveSessionSchema = z.object({
  sessionId: id,
  assetId: id,
  subject: z.string().max(128),
  country: z.string().regex(/^[A-Z]{2}$/),
  startedAt: time,
  seenAt: time,
  expiresAt: time,
});

const refusalSchema = z.object({
  at: time,
  worker: word,
  code,
  reason: z.string().max(2_000),
  request: z.string().max(128),
  subject: z.string().max(128).optional(),
});

/** A report as it comes from an isolate. */
export const reportSchema = z.object({
  worker: word,
  from: z.object({ isolate: id, sequence: z.int().positive() }).optional(),
  counts: z.array(count).max(10_000),
  refusals: z.array(refusalSchema).max(1_000),
  alive: z.array(liveSessionSchema).max(10_000),
  ended: z.array(id).max(10_000),
});

export const sessionsAskedSchema = z.object({
  asset: z.string().optional(),
  session: z.string().optional(),
  subject: z.string().optional(),
  name: z.string().optional(),
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

/** The answers of who gathers. */
export const countsSchema = z.array(count);
export const sessionsNowSchema = z.object({ count: z.int().nonnegative(), sessions: z.array(liveSessionSchema) });
const minuteSchema = z.object({ at: time, counts: z.record(z.string(), z.number()) });
export const refusalsOfHourSchema = z.object({ minutes: z.array(minuteSchema), recent: z.array(refusalSchema) });

/** What was stored: one of each part. */
export const keptSchemas: { readonly [Part in keyof Kept]: z.ZodType<Kept[Part][number]> } = {
  counts: count,
  minutes: minuteSchema,
  refusals: refusalSchema,
  isolates: z.tuple([id, z.int().positive()]),
  alive: liveSessionSchema,
  ended: z.tuple([id, time]),
};
