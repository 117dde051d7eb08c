import * as z from "zod";
import { type UnixMilliseconds, unixMilliseconds } from "../base/milliseconds.ts";
import { isUnixSeconds, type UnixSeconds, unixSeconds } from "../base/seconds.ts";
import { type Revocation, type RevocationDelta, revocationCauses, revocationKinds } from "./revocation.ts";

const time = z
  .number()
  .refine(isUnixSeconds, "not a Unix time")
  .transform((value): UnixSeconds => unixSeconds(value));

const instant = z
  .int()
  .nonnegative()
  .transform((value): UnixMilliseconds => unixMilliseconds(value));

/** An entry of the log, as it comes over a wire or out of a table. */
export const revocationSchema: z.ZodType<Revocation> = z.object({
  kind: z.enum(revocationKinds),
  value: z.string().min(1).max(256),
  cause: z.enum(revocationCauses),
  at: time,
  until: time,
});

/** The log's answer, as it comes over a wire or out of a cache. */
export const revocationDeltaSchema: z.ZodType<RevocationDelta> = z.object({
  cursor: z.int().nonnegative(),
  asOf: instant,
  reset: z.boolean(),
  more: z.boolean(),
  entries: z.array(revocationSchema),
});
