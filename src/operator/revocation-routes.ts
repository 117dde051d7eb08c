import { refusal } from "../base/result.ts";
import { type Route, type RouteParameter, type RouteTable, route } from "../http/route.ts";
import { authorizeOperator, operatorRefusals } from "../sessions/authorize-operator.ts";
import { revocationBodySchema, revoke } from "../sessions/revoke.ts";
import { fromStore, type SessionContext, type SessionRequest } from "../sessions/session-context.ts";
import { revocationPageSchema, revokedSchema } from "./operator-json.ts";
import { checkParameters } from "./query-parameters.ts";

/** The parameters of {@link followRevocations}. */
const followParameters: readonly RouteParameter[] = [
  {
    name: "since",
    in: "query",
    description: "The `cursor` of the last response; 0 for the beginning.",
    schema: { type: "integer", minimum: 0, default: 0 },
  },
];

/** Their handlers check the scope themselves, because that of POST depends on the body. They need no {@link OperatorContext}. */
export const revocationRoutes: RouteTable<Route<SessionContext>> = {
  "/operator/revocations": {
    GET: route({
      id: "followRevocations",
      tag: "Operators",
      summary: "Follow the revocation log",
      description:
        "The entries that were added or changed since a cursor, in full: for programs that bring revocations to a CDN, such as " +
        "the writer of CloudFront's KeyValueStore. The log reports a lifted entry and the end of a session for a quarter of an hour, so " +
        "a reader that was silent for ten minutes begins again with 0.",
      access: ["operator:read"],
      parameters: followParameters,
      response: {
        status: 200,
        description: "A page of the log. While `more` is true, ask for the next one at once.",
        body: { name: "RevocationPage", schema: revocationPageSchema },
      },
      refusals: operatorRefusals,
      handler: followRevocations,
    }),
    POST: route({
      id: "revoke",
      tag: "Operators",
      summary: "Revoke access",
      description:
        "Ends a session, all sessions of a viewer or an asset, or those that a token, login or key has started, or blacks an asset out in " +
        "some places, within " +
        "two seconds, and in a CloudFront Function in about 20; with `lift`, takes a revocation back. Name exactly one. A key " +
        "needs the scope operator:keys, everything else operator:revoke.",
      access: ["operator:revoke", "operator:keys"],
      body: {
        name: "Revocation",
        schema: revocationBodySchema,
        example: { session: "q83vEjRWeJCrze8SNFZ4kA" },
      },
      response: {
        status: 201,
        description: "What was revoked, and until when.",
        body: { name: "Revoked", schema: revokedSchema },
      },
      refusals: [...operatorRefusals, "revocation_invalid", "revocation_unknown"],
      handler: revoke,
    }),
  },
};

/** `GET /operator/revocations`: the delta of the log, in full. */
async function followRevocations(request: SessionRequest, context: SessionContext) {
  const operator = await authorizeOperator(request, "operator:read", context);
  if (!operator.ok) return operator;
  const query = checkParameters(request.query, followParameters);
  if (!query.ok) return query;
  const text = request.query.get("since") || "0";
  const since = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(since))
    return refusal(
      "body_invalid",
      "since is no cursor",
      "since: Use the cursor of the last response, a whole number, or 0 for the beginning.",
    );
  return fromStore("the revocation log", context.log.since(since, "full"), context);
}
