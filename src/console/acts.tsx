import type { Refusal } from "../base/refusal.ts";
import { refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import type { Explanation } from "../flows/explain/explanation.ts";
import { explainText } from "../flows/operator/explain-text.ts";
import { simulate } from "../flows/operator/simulate.ts";
import { revokeNow } from "../flows/session/revoke.ts";
import { faceOf } from "../http/faces.ts";
import { onTo, page } from "./answers.tsx";
import { ExplainPage, SimulatePage } from "./ask-pages.tsx";
import { ExplanationView } from "./explanation.tsx";
import { assetIds } from "./looks.tsx";
import { isSessionId } from "./sessions.tsx";
import { hasScope } from "./signed-in.ts";
import type { Shown, Visit } from "./visit.ts";

/** Ends a session, for operators with the scope operator:revoke, and goes back to the search that it was found by. */
export const revokeSession: Shown = async ({ session, name, form }, context) => {
  const allowed = hasScope(session.operator, "operator:revoke");
  if (!allowed.ok) return allowed;
  if (!isSessionId(name)) return refusal("revocation_invalid", "the path names no session");
  const revoked = await revokeNow(JSON.stringify({ session: name }), context);
  if (!revoked.ok) return revoked;
  const find = form.get("find") ?? "";
  const back = new URLSearchParams({ ...(find !== "" && { find }), ended: name });
  return ok(onTo(`/console?${back}`));
};

/** Explains what was pasted. */
export const explain: Shown = async ({ operator, form }, context) => {
  const explained = await explainText({ text: form.get("text") ?? "", address: field(form, "address") }, context);
  return ok(page(<ExplainPage operator={operator} answer={<Answer explained={explained} />} />));
};

/** Says what a start would be answered. */
export const simulateStart: Shown = async ({ operator, form, request }: Visit, context) => {
  const asked = {
    credential: (form.get("credential") ?? "").trim(),
    asset: (form.get("asset") ?? "").trim(),
    address: field(form, "address"),
    country: field(form, "country")?.toUpperCase(),
    origin: field(form, "origin"),
  };
  const explained = await simulate(asked, request, context);
  const assets = await assetIds(context);
  return ok(page(<SimulatePage operator={operator} assets={assets} answer={<Answer explained={explained} />} />));
};

/** A field that may be left empty. */
function field(form: URLSearchParams, name: string): string | undefined {
  const text = form.get(name)?.trim() ?? "";
  return text === "" ? undefined : text;
}

function Answer({ explained }: { readonly explained: Result<Explanation, Refusal> }) {
  if (explained.ok) return <ExplanationView explanation={explained.value} />;
  const { code, reason } = explained.refusal;
  return (
    <div class="note bad">
      <p>
        <strong>This cannot be answered.</strong> {faceOf(code).title}: {reason}.
      </p>
    </div>
  );
}
