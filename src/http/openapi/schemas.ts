import * as z from "zod";
import { assetSchema } from "../../catalog/asset.ts";
import { explainBodySchema, simulateBodySchema } from "../../flows/operator/bodies.ts";
import { revocationBodySchema } from "../../flows/session/revoke.ts";
import { startBodySchema } from "../../flows/session/start-stream.ts";
import { assetChange, assetList, explanation, keys, liveSessions, refusals } from "./operator-answers.ts";
import { problem } from "./problem-schema.ts";
import { health, notReady, ready } from "./service-answers.ts";
import { openedSession, revoked, shownSession } from "./session-answers.ts";

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
export type SchemaName = BodyName | AnswerName;

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
