import { ok, refusal } from "../base/result.ts";
import { explainText } from "../operator/explain/explain-text.ts";
import { explainBodySchema, simulateBodySchema } from "../operator/operator-json.ts";
import { simulate } from "../operator/simulate.ts";
import { revokeAs } from "../sessions/revoke.ts";
import { ExplainPage, fieldsFor, SimulatePage } from "./ask-pages.tsx";
import type { Shown } from "./console-request.ts";
import { hasScope } from "./console-sign-in.ts";
import { Explained, NotAsked } from "./explanation-view.tsx";
import { type Done, doneFields } from "./last-action.ts";
import { onTo, page } from "./page-response.tsx";
import { assetIds } from "./pages.tsx";
import { isId, overviewAt, searchedIn } from "./search.tsx";

/** Ends a session, for operators with the scope operator:revoke, and goes back to the search that it was found by. */
export const revokeSession: Shown = (visit, context) => onSession("ended", visit, context);

/** Takes that back. */
export const liftSession: Shown = (visit, context) => onSession("lifted", visit, context);

async function onSession(
  act: Done["act"],
  { session, operator, name, form }: Parameters<Shown>[0],
  context: Parameters<Shown>[1],
): ReturnType<Shown> {
  const allowed = hasScope(session.operator, "operator:revoke");
  if (!allowed.ok) return allowed;
  if (!isId(name)) return refusal("revocation_invalid", "the path names no session");
  const body = JSON.stringify({ session: name, lift: act === "lifted" });
  const revoked = await revokeAs({ operator, through: "console" }, body, context);
  if (!revoked.ok) return revoked;
  const done = doneFields({ act, session: name }, context.clock(), context.keys);
  return ok(onTo(overviewAt(searchedIn(form), done)));
}

/** Explains what was pasted. */
export const explain: Shown = async ({ operator, form }, context) => {
  const asked = fieldsFor(explainBodySchema, { text: form.get("text")?.trim(), address: field(form, "address") });
  if (!asked.ok)
    return ok(page(<ExplainPage operator={operator} faults={asked.refusal} answer={<NotAsked />} />, { status: 400 }));
  const explained = await explainText(asked.value, context);
  return ok(page(<ExplainPage operator={operator} answer={<Explained explained={explained} />} />));
};

/** Says what a start would be answered. */
export const simulateStart: Shown = async ({ operator, form, request }, context) => {
  const asked = fieldsFor(simulateBodySchema, {
    credential: form.get("credential")?.trim(),
    asset: form.get("asset")?.trim(),
    address: field(form, "address"),
    country: field(form, "country")?.toUpperCase(),
    origin: field(form, "origin"),
  });
  const assets = await assetIds(context);
  if (!asked.ok) {
    const answer = <NotAsked />;
    return ok(page(<SimulatePage {...{ operator, assets, answer }} faults={asked.refusal} />, { status: 400 }));
  }
  const explained = await simulate(asked.value, request, context);
  return ok(page(<SimulatePage {...{ operator, assets }} answer={<Explained explained={explained} />} />));
};

/** A field that may be left empty. */
function field(form: URLSearchParams, name: string): string | undefined {
  return form.get(name)?.trim() || undefined;
}
