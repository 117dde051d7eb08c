import * as z from "zod";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { readRfc3339 } from "../base/rfc3339.ts";
import type { Entitled } from "./entitlement.ts";

const untilSchema = z.string().transform((text, context) => {
  const time = readRfc3339(text);
  if (time !== undefined) return time;
  context.addIssue({ code: "custom", message: "not RFC 3339" });
  return z.NEVER;
});

// Strict: of a misspelt "streams" or "until" nothing would be seen but viewers who may more than they should.
const answerSchema = z.discriminatedUnion("allow", [
  z.strictObject({
    allow: z.literal(true),
    streams: z.int().min(1).max(1000).optional(),
    until: untilSchema.optional(),
  }),
  z.strictObject({ allow: z.literal(false), reason: z.string().optional() }),
]);

const form = '{"allow": true, "streams"?: 1 to 1000, "until"?: RFC 3339} or {"allow": false, "reason"?: text}';

/**
 * What the operator's service answered, from the body of its 200. `entitlement_refused`, with its reason for the log where it
 * gave one; `store_unavailable` for whatever is not exactly one of the two forms, since half an answer is none.
 * What the service was sent and nobody may read in the log (`sent`: its secret, the subject, the address) never gets into
 * that reason, though it may quote it.
 */
export function readEntitlementAnswer(text: string, sent: readonly string[]): Result<Entitled, Refusal> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return refusal("store_unavailable", "the entitlement service did not answer with JSON");
  }
  const parsed = answerSchema.safeParse(document);
  if (!parsed.success)
    return refusal("store_unavailable", `the entitlement service answered something else than ${form}`);
  if (parsed.data.allow) return ok({ streams: parsed.data.streams, until: parsed.data.until });
  const { reason } = parsed.data;
  const why = reason === undefined ? "" : `: ${harmless(reason, sent)}`;
  return refusal("entitlement_refused", `the entitlement service refused${why}`);
}

const longestReason = 100;

/**
 * A text of somebody else's, fit for the log: one line of printable ASCII that is soon over, without what was sent, without
 * e-mail addresses, and with nothing in it that is long enough to be a token, a signature, a secret or a user's id.
 */
function harmless(text: string, sent: readonly string[]): string {
  const longestFirst = sent.filter((part) => part !== "").toSorted((a, b) => b.length - a.length);
  const open = longestFirst.reduce((left, part) => left.replace(inAnyCase(part), "..."), text);
  const printable = open.replace(/[^\x20-\x7e]+/g, " ").replace(/[^ ]*@[^ ]*|[^ ]{20,}/g, "...");
  return printable.length > longestReason ? `${printable.slice(0, longestReason)}...` : printable;
}

function inAnyCase(part: string): RegExp {
  return new RegExp(part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "giu");
}
