import * as z from "zod";
import { catalogFaultNames } from "../../catalog/fault.ts";
import type { PutAsset } from "../../flows/operator/put-asset.ts";
import type { explanationJson } from "../explanation-json.ts";
import { refusalCodes } from "../faces.ts";
import type { keysJson, refusalsJson, sessionsJson } from "../operator-answers.ts";
import { sessionId, time } from "./session-answers.ts";

const subject = z.string().describe("The keyed hash of its subject, as the log has it.");
const code = z.enum(refusalCodes);
const counts = z.record(z.string(), z.int().min(0));

export const liveSessions: z.ZodType<ReturnType<typeof sessionsJson>> = z.strictObject({
  count: z.int().min(0).describe("How many there are, of all that were asked for."),
  sessions: z
    .array(
      z.strictObject({
        sessionId,
        asset: z.string().describe("The asset's id."),
        subject,
        country: z.string().describe("ISO 3166-1 alpha-2, XX where nobody knows."),
        startedAt: time,
        lastSeenAt: time,
        endsAt: time.describe("When it ends by itself."),
      }),
    )
    .describe("The last seen first."),
});

export const refusals: z.ZodType<ReturnType<typeof refusalsJson>> = z.strictObject({
  since: time.exactOptional().describe("When the first of the minutes began."),
  minutes: z
    .array(z.strictObject({ at: time, counts: counts.describe("How many there were of a code.") }))
    .describe("The last sixty minutes, the oldest first."),
  total: counts.describe("How many there were of a code in the whole hour."),
  recent: z
    .array(
      z.strictObject({
        at: time,
        worker: z.string(),
        code,
        reason: z.string().describe("What was found, as the log has it."),
        request: z.string().describe("The answer's Request-Id."),
        subject: subject.exactOptional(),
      }),
    )
    .describe("The last ones, the newest first."),
});

/** As JSON, a length of time is a number. */
type KeysTold = Omit<ReturnType<typeof keysJson>, "longestSessionSeconds"> & { readonly longestSessionSeconds: number };

export const keys: z.ZodType<KeysTold> = z.strictObject({
  at: time.describe("Now, as the worker's clock has it."),
  longestSessionSeconds: z.number().describe("How long a session lasts at most: so long a key that signed is needed."),
  keys: z.array(
    z.strictObject({
      kid: z.string(),
      purpose: z.enum(["session", "cloudfront", "token", "operator"]),
      type: z.enum(["HS256", "ES256", "RS256"]),
      state: z
        .enum(["next", "active", "retiring", "retired"])
        .describe(
          "next: known, and not signed with. active: it signs. retiring: it verifies alone. retired: not taken.",
        ),
      since: time.exactOptional(),
      ageSeconds: z.number().exactOptional().describe("How long it has been in that state."),
      ends: time.exactOptional().describe("When nobody takes it any more."),
      fingerprint: z.string().describe("As `npx stagedoor keys list` shows it."),
      revoked: z.boolean().describe("Whether an operator has ended it before its time."),
      next: z
        .strictObject({ step: z.enum(["activate", "retire"]), from: time })
        .exactOptional()
        .describe("The step that it waits for, and from when on `keys rotate` takes it."),
    }),
  ),
});

export const assetList = z.strictObject({
  assets: z.array(z.unknown()).describe("The sound assets as they stand in the document."),
  faults: z
    .array(
      z.strictObject({
        name: z.enum(catalogFaultNames),
        asset: z.string().optional(),
        field: z.string(),
        advice: z.string(),
      }),
    )
    .describe("Everything that is wrong with the document; the workers take none that has a fault."),
});

export const assetChange: z.ZodType<PutAsset> = z.strictObject({
  asset: z.unknown().describe("The asset as it stands in the document now."),
  was: z.enum(["added", "replaced", "removed", "unchanged"]),
  faults: z.array(z.string()).exactOptional().describe("What is wrong with other assets of the catalog still."),
});

const step = z.strictObject({
  part: z.string().describe("What was looked at, in a word or two."),
  state: z.enum(["holds", "fails", "told"]).describe("told: for information, or not to be judged."),
  text: z.string(),
  code: code.exactOptional().describe("What a request that fails here is refused with."),
});

export const explanation: z.ZodType<ReturnType<typeof explanationJson>> = z.strictObject({
  kind: z.enum(["media", "cloudfront", "grant", "token", "start"]).describe("What was explained."),
  verdict: z.enum(["served", "renewed", "accepted", "refused"]),
  code: code.nullable().describe("Null where nothing is refused."),
  at: time,
  grants: z.string().exactOptional().describe("What is granted, in words."),
  status: z.int().exactOptional(),
  title: z.string().exactOptional(),
  reason: z.string().exactOptional().describe("What the check itself said, as the log has it."),
  detail: z.string().exactOptional().describe("What to do about it."),
  help: z.string().exactOptional().describe("Where its usual causes stand, seen from the project's root."),
  steps: z.array(step).describe("In the order of the check: the first that fails is the one it is refused for."),
});
