import type { Child } from "hono/jsx";
import type * as z from "zod";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { explainText } from "../operator/explain/explain-text.ts";
import type { Explanation } from "../operator/explain/explanation.ts";
import { explainBodySchema, simulateBodySchema } from "../operator/operator-json.ts";
import { simulate } from "../operator/simulate.ts";
import { revokeAs } from "../sessions/revoke.ts";
import type { PageHandler } from "./console-request.ts";
import { hasScope } from "./console-sign-in.ts";
import { ExplainPage, type FormErrors, readForm, SimulatePage } from "./explain-pages.tsx";
import { ExplanationResult, InvalidForm } from "./explanation-view.tsx";
import { type LastAction, lastActionParams } from "./last-action.ts";
import { page, redirect } from "./page-response.tsx";
import { assetIds } from "./pages.tsx";
import { isId, overviewUrl, readSearchParams } from "./search.tsx";

/** Ends a session and returns to the search that found it. Needs the scope operator:revoke. */
export const revokeSession: PageHandler = (request, context) => changeSession("ended", request, context);

/** Lifts the revocation of a session. */
export const liftSession: PageHandler = (request, context) => changeSession("lifted", request, context);

async function changeSession(
  act: LastAction["act"],
  { session, operator, name, form }: Parameters<PageHandler>[0],
  context: Parameters<PageHandler>[1],
): ReturnType<PageHandler> {
  const allowed = hasScope(session.operator, "operator:revoke");
  if (!allowed.ok) return allowed;
  if (!isId(name)) return refusal("revocation_invalid", "the path contains no session id");
  const revocation = { session: name, lift: act === "lifted" };
  const revoked = await revokeAs({ operator, through: "console" }, revocation, context);
  if (!revoked.ok) return revoked;
  const action = lastActionParams({ act, session: name }, context.clock(), context.keys);
  return ok(redirect(overviewUrl(readSearchParams(form), action)));
}

export const explain: PageHandler = ({ operator, form }, context) =>
  answerForm(
    explainBodySchema,
    { text: form.get("text")?.trim(), address: optionalField(form, "address") },
    (question) => explainText(question, context),
    (answer) => <ExplainPage operator={operator} {...answer} />,
  );

export const simulateStart: PageHandler = async ({ operator, form, request }, context) => {
  const assets = await assetIds(context);
  const subject = optionalField(form, "subject");
  const from = {
    address: optionalField(form, "address"),
    country: optionalField(form, "country")?.toUpperCase(),
    region: optionalField(form, "region")?.toUpperCase(),
    asn: numberField(form, "asn"),
    origin: optionalField(form, "origin"),
  };
  return answerForm(
    simulateBodySchema,
    {
      credential: form.get("credential")?.trim(),
      asset: form.get("asset")?.trim(),
      // A backend names the viewer and where they are; its own address counts for nothing.
      ...(subject === undefined ? from : { viewer: { subject, ...from } }),
    },
    async (start) => ok(await simulate(start, request, context)),
    (answer) => <SimulatePage operator={operator} assets={assets} {...answer} />,
  );
};

/** A number of a form; NaN, which no schema accepts, for another text. */
function numberField(form: URLSearchParams, name: string): number | undefined {
  const text = optionalField(form, name);
  return text === undefined ? undefined : Number(text);
}

/** Shows the page again with the explanation, or with the errors of the form. */
async function answerForm<Schema extends z.ZodType>(
  schema: Schema,
  fields: unknown,
  explainForm: (input: z.output<Schema>) => Promise<Result<Explanation, Refusal>>,
  render: (answer: { readonly answer: Child; readonly errors?: FormErrors }) => Child,
): ReturnType<PageHandler> {
  const input = readForm(schema, fields);
  if (!input.ok) return ok(page(render({ answer: <InvalidForm />, errors: input.refusal }), { status: 400 }));
  const result = await explainForm(input.value);
  return ok(page(render({ answer: <ExplanationResult result={result} /> })));
}

function optionalField(form: URLSearchParams, name: string): string | undefined {
  return form.get(name)?.trim() || undefined;
}
