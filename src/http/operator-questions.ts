import { readDecimal } from "../base/decimal.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { explainBodySchema, simulateBodySchema } from "../flows/operator/bodies.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { explainText } from "../flows/operator/explain-text.ts";
import { keysNow } from "../flows/operator/keys-now.ts";
import { listSessions, mostListed, usuallyListed } from "../flows/operator/list-sessions.ts";
import { refusalsOfHour } from "../flows/operator/refusals-of-hour.ts";
import { simulate } from "../flows/operator/simulate.ts";
import { readBody } from "../flows/read-body.ts";
import type { SessionRequest } from "../flows/session/context.ts";
import { explanationJson } from "./explanation-json.ts";
import { keysJson, refusalsJson, sessionsJson } from "./operator-answers.ts";

type Answer = Promise<Result<object, Refusal>>;

/** `GET /operator/sessions?asset=&session=&subject=&limit=`. `body_invalid` for a limit that is none. */
export async function askSessions({ query }: SessionRequest, context: OperatorContext): Answer {
  const limit = limitOf(query);
  if (!limit.ok) return limit;
  const named = { asset: given(query, "asset"), session: given(query, "session"), subject: given(query, "subject") };
  const listed = await listSessions({ ...named, limit: limit.value }, context);
  return listed.ok ? ok(sessionsJson(listed.value)) : listed;
}

/** `GET /operator/refusals?request=`, or `subject=`. */
export async function askRefusals({ query }: SessionRequest, context: OperatorContext): Answer {
  const refusals = await refusalsOfHour(context, given(query, "request") ?? given(query, "subject"));
  return refusals.ok ? ok(refusalsJson(refusals.value)) : refusals;
}

/** `GET /operator/keys`. */
export async function askKeys(_: SessionRequest, context: OperatorContext): Answer {
  const keys = await keysNow(context);
  return keys.ok ? ok(keysJson(keys.value, context.clock())) : keys;
}

/** `POST /operator/explain`. */
export async function askExplanation({ body }: SessionRequest, context: OperatorContext): Answer {
  const asked = readBody(explainBodySchema, body);
  if (!asked.ok) return asked;
  const explained = await explainText(asked.value, context);
  return explained.ok ? ok(explanationJson(explained.value, context.clock())) : explained;
}

/** `POST /operator/simulate`. */
export async function askSimulation(request: SessionRequest, context: OperatorContext): Answer {
  const asked = readBody(simulateBodySchema, request.body);
  if (!asked.ok) return asked;
  const simulated = await simulate(asked.value, request, context);
  return simulated.ok ? ok(explanationJson(simulated.value, context.clock())) : simulated;
}

function given(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}

function limitOf(query: URLSearchParams): Result<number, Refusal> {
  const text = given(query, "limit");
  const limit = text === undefined ? usuallyListed : readDecimal(text);
  return limit === undefined || limit < 1 || limit > mostListed
    ? refusal("body_invalid", `limit is a whole number from 1 to ${mostListed}`)
    : ok(limit);
}
