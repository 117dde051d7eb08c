import * as z from "zod";
import type { RefusalCode } from "../../base/result.ts";
import { assetSchema } from "../../catalog/asset.ts";
import { catalogFaultNames } from "../../catalog/catalog-fault.ts";
import { problemFor, refusalCodes } from "../../http/problems.ts";
import type { PutAsset } from "../../operator/manage-assets.ts";
import {
  explainBodySchema,
  type explanationJson,
  type keysJson,
  type refusalsJson,
  type sessionsJson,
  simulateBodySchema,
} from "../../operator/operator-json.ts";
import type { OpenedSession } from "../../sessions/open-session.ts";
import type { ShownSession } from "../../sessions/own-session.ts";
import { type Revoked, revocationBodySchema } from "../../sessions/revoke.ts";
import { startBodySchema } from "../../sessions/start-stream.ts";

const time = z.iso.datetime();
const sessionId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}$/)
  .describe("The session's id; by itself it does nothing.");

/** The answer of a start and of a renewal. */
const openedSession: z.ZodType<OpenedSession> = z.strictObject({
  sessionId,
  manifestUrl: z.url().describe("What the player loads: plain HLS, and nothing has to be added to it."),
  manifestExpiresAt: time.describe("Until when a player may begin with it. What it has begun goes on."),
  sessionExpiresAt: time.describe("Until when the session lasts, unless it is renewed or ended."),
  grant: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .describe("For the routes of the session, in the header CTA-Common-Access-Token."),
});

const shownSession: z.ZodType<ShownSession> = z.strictObject({
  sessionId,
  asset: z.string().describe("The asset's id."),
  state: z
    .enum(["running", "idle", "revoked", "taken", "shared"])
    .describe("running: it holds a lease. idle: it was silent for longer. The others were ended before their time."),
  startedAt: time,
  lastSeenAt: time.exactOptional().describe("When it last asked for anything, as far as that was written down."),
  sessionExpiresAt: time,
  networks: z.int().min(0).exactOptional().describe("In how many networks it is alive now."),
});

const revoked: z.ZodType<Revoked> = z.strictObject({
  revoked: z.enum(["session", "subject", "asset", "token", "login", "key"]).describe("What kind of thing it is."),
  until: time.exactOptional().describe("Until when the entry stands; left out where it was lifted."),
  known: z
    .literal(false)
    .exactOptional()
    .describe("False for an asset or a key that nobody knows: perhaps it was misspelt. It is revoked all the same."),
});

const health = z.strictObject({ status: z.literal("ok") });

const ready = z.strictObject({ status: z.literal("ready") });

const notReady = z.strictObject({
  status: z.literal("not ready"),
  parts: z.record(z.string(), z.literal("does not answer")).describe("The parts that do not answer, by their names."),
});

/** Problem details as `http/problem-response.ts` writes them (RFC 9457). */
const problem = z.strictObject({
  type: z.string().describe("`urn:stagedoor:problem:` and the code."),
  title: z.string().describe("The same for every refusal with this code."),
  status: z.int(),
  code: z.enum(refusalCodes).describe("Stable: what a program looks at."),
  detail: z.string().describe("What to do about it."),
  running: z
    .array(z.strictObject({ sessionId, asset: z.string(), startedAt: time, lastSeenAt: time }))
    .optional()
    .describe("With stream_limit: the viewer's own sessions that are running."),
  faults: z
    .array(z.string())
    .optional()
    .describe("With asset_invalid, body_invalid and revocation_invalid: what is wrong, by the name of the member."),
});

/** What is answered for a code, but for what a code tells beside the usual. */
export function problemExample(code: RefusalCode) {
  const { status, title, detail } = problemFor(code);
  return { type: `urn:stagedoor:problem:${code}`, title, status, code, detail };
}

const subject = z.string().describe("The keyed hash of its subject, as the log has it.");
const code = z.enum(refusalCodes);
const counts = z.record(z.string(), z.int().min(0));

const liveSessions: z.ZodType<ReturnType<typeof sessionsJson>> = z.strictObject({
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

const refusals: z.ZodType<ReturnType<typeof refusalsJson>> = z.strictObject({
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

const keys: z.ZodType<KeysTold> = z.strictObject({
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

const assetList = z.strictObject({
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

const assetChange: z.ZodType<PutAsset> = z.strictObject({
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

const explanation: z.ZodType<ReturnType<typeof explanationJson>> = z.strictObject({
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

/** What requests bring. */
const bodies = {
  Start: startBodySchema,
  Revocation: revocationBodySchema,
  Asset: assetSchema,
  Explain: explainBodySchema,
  Simulate: simulateBodySchema,
};

/** What answers hold. The tests hold the real answers to these schemas, which take no member that they do not name. */
const answers = {
  OpenedSession: openedSession,
  ShownSession: shownSession,
  Revoked: revoked,
  LiveSessions: liveSessions,
  Refusals: refusals,
  Keys: keys,
  AssetList: assetList,
  AssetChange: assetChange,
  Explanation: explanation,
  Health: health,
  Ready: ready,
  NotReady: notReady,
  Problem: problem,
};

export type BodyName = keyof typeof bodies;
export type AnswerName = keyof typeof answers;

/** A JSON Schema (draft 2020-12), as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The schema of an answer. */
export function answerSchema(name: AnswerName): z.ZodType {
  return answers[name];
}

/** Every schema as JSON Schema: bodies as they are sent, answers as they come. */
export function jsonSchemas(): Readonly<Record<string, JsonSchema>> {
  const of = (schemas: Readonly<Record<string, z.ZodType>>, io: "input" | "output") =>
    Object.entries(schemas).map(([name, schema]) => {
      const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
      return [name, rest] as const;
    });
  return Object.fromEntries([...of(bodies, "input"), ...of(answers, "output")]);
}
