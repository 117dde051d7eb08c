import * as z from "zod";

export const health = z.strictObject({ status: z.literal("ok") });

export const ready = z.strictObject({ status: z.literal("ready") });

export const notReady = z.strictObject({
  status: z.literal("not ready"),
  parts: z.record(z.string(), z.literal("does not answer")).describe("The parts that do not answer, by their names."),
});
