import type { Child } from "hono/jsx";
import type * as z from "zod";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { countOf } from "../operator/counts.ts";
import type { Explanation } from "../operator/explain/explanation.ts";
import { simulateFor } from "../operator/simulate.ts";
import {
  findViewer,
  lookUpViewer,
  type ViewerName,
  type ViewerReport,
  type ViewerSession,
  viewerBodySchema,
} from "../operator/viewer.ts";
import { longestReason, type RevocationNote, reasonSchema } from "../sessions/revocation-note.ts";
import { never, revokeAs } from "../sessions/revoke.ts";
import type { PageHandler } from "./console-request.ts";
import { hasScope } from "./console-sign-in.ts";
import { Field, type FormErrors, FormPage, inputOf, readForm } from "./explain-pages.tsx";
import { ExplanationResult, InvalidForm } from "./explanation-view.tsx";
import { countryName, utcTime } from "./format.ts";
import { page } from "./page-response.tsx";
import { assetIds } from "./pages.tsx";
import { Time } from "./parts.tsx";
import { RecentRefusals } from "./refusals.tsx";
import { isId } from "./search.tsx";

interface ViewerPageProps {
  readonly operator: string;
  readonly assets: readonly string[];
  readonly answer?: Child;
  readonly errors?: FormErrors;
}

/** Looks a viewer up. The name is sent by POST, because URLs are logged and remembered in many places. */
function ViewerPage({ assets, errors = {}, ...props }: ViewerPageProps) {
  return (
    <FormPage
      {...props}
      id="viewer"
      title="Viewer"
      button="Look up"
      summary="What one viewer's sessions and refusals are, and whether they can start a stream now."
      placeholder={
        <>
          Sessions that run or that ended within the hour, refusals with their reasons, revocations, and what a start
          would answer. A look-up by e-mail address is a line of the log.
        </>
      }
    >
      <Field name="issuer" label="Issuer: iss of the viewer's tokens" errors={errors}>
        <input placeholder="https://id.example.com" maxlength={512} {...inputOf("issuer")} />
      </Field>
      <Field name="subject" label="Viewer's id there: sub" errors={errors}>
        <input maxlength={512} {...inputOf("subject")} />
      </Field>
      <Field name="email" label="Or the e-mail address of an account here" errors={errors}>
        <input type="email" maxlength={254} {...inputOf("email")} />
      </Field>
      <div class="pair">
        <Field name="asset" label="Asset to start" errors={errors}>
          <input list="assets" {...inputOf("asset")} />
        </Field>
        <Field name="country" label="Country" errors={errors}>
          <input placeholder="DE" maxlength={2} {...inputOf("country")} autocapitalize="characters" />
        </Field>
      </div>
      <datalist id="assets">
        {assets.map((id) => (
          <option value={id}></option>
        ))}
      </datalist>
    </FormPage>
  );
}

export const showViewerForm: PageHandler = async ({ operator }, context) =>
  ok(page(<ViewerPage operator={operator} assets={await assetIds(context)} />));

/**
 * Looks a viewer up, after the action of one of the answer's buttons: `end` (one session, or all), `revoke` or `lift`.
 * Actions need the scope operator:revoke.
 */
export const lookUp: PageHandler = async ({ session, operator, form, request }, context) => {
  const assets = await assetIds(context);
  const answer = (child: Child, status = 200, errors: FormErrors = {}) =>
    ok(page(<ViewerPage {...{ operator, assets, errors }} answer={child} />, { status }));
  const asked = readForm(viewerBodySchema, fieldsOf(form));
  if (!asked.ok) return answer(<InvalidForm />, 400, asked.refusal);
  const acting = { operator, through: "console" } as const;
  const found = await findViewer(asked.value, acting, context);
  if (!found.ok) {
    if (found.refusal.code !== "body_invalid") return found;
    const [fault = ""] = ("faults" in found.refusal && found.refusal.faults) || [];
    return answer(<InvalidForm />, 400, { email: fault.replace(/^email: /, "") });
  }
  const viewer = found.value;
  const mayRevoke = hasScope(session.operator, "operator:revoke");
  const act = form.get("act") ?? "";
  let done: string | undefined;
  if (act !== "") {
    if (!mayRevoke.ok) return mayRevoke;
    const details = { session: form.get("session") ?? "", reason: reasonIn(form) };
    const acted = await actOn(viewer, act, details, acting, context);
    if (!acted.ok) return acted;
    done = acted.value;
  }
  const report = await lookUpViewer(viewer, context);
  if (!report.ok) return report;
  const shown = afterAct(report.value, act, { author: operator, reason: reasonIn(form) }, context.clock());
  const { start } = asked.value;
  const simulated = start && (await simulateFor({ ...viewer, ...start }, request, context));
  return answer(
    <ViewerAnswer
      {...{ viewer, report: shown, start: simulated, done, asset: start?.asset, country: start?.country }}
      mayRevoke={mayRevoke.ok}
      now={context.clock()}
    />,
  );
};

/** The log is read every other second only, so the answer to an action is ahead of it. */
function afterAct(report: ViewerReport, act: string, note: RevocationNote, now: UnixSeconds): ViewerReport {
  if (act === "lift") return { ...report, revocation: undefined };
  if (act !== "revoke") return report;
  const sessions = report.sessions.map((one) =>
    one.state === "running" ? { ...one, state: "revoked" as const } : one,
  );
  return { ...report, sessions, revocation: { at: now, until: never, note } };
}

function fieldsOf(form: URLSearchParams): unknown {
  const field = (name: string) => form.get(name)?.trim() || undefined;
  const [issuer, subject, email, asset] = ["issuer", "subject", "email", "asset"].map(field);
  const isNamed = issuer !== undefined || subject !== undefined || email === undefined;
  return {
    ...(isNamed && { viewer: { issuer: issuer ?? "", subject: subject ?? "" } }),
    ...(email !== undefined && { email }),
    ...(asset !== undefined && { start: { asset, country: field("country")?.toUpperCase() } }),
  } satisfies { readonly [Member in keyof z.input<typeof viewerBodySchema>]: unknown };
}

/** The reason of a revocation; undefined if there is none that can be kept. */
function reasonIn(form: URLSearchParams): string | undefined {
  return reasonSchema.safeParse(form.get("reason") ?? "").data;
}

/** Resolves to what was done, in words. */
async function actOn(
  viewer: ViewerName,
  act: string,
  { session, reason }: { readonly session: string; readonly reason: string | undefined },
  acting: Parameters<typeof revokeAs>[0],
  context: Parameters<PageHandler>[1],
): Promise<Result<string, Refusal>> {
  if (act === "revoke" || act === "lift") {
    const revoked = await revokeAs(acting, { subject: viewer, lift: act === "lift", reason }, context);
    if (!revoked.ok) return revoked;
    return ok(act === "lift" ? "The revocation was lifted." : "The viewer was revoked, with every session so far.");
  }
  const report = await lookUpViewer(viewer, context);
  if (!report.ok) return report;
  const own = report.value.sessions.filter(({ state }) => state === "running").map(({ sessionId }) => sessionId);
  const ids = session === "" ? own : own.filter((id) => id === session);
  if (act !== "end" || (session !== "" && !isId(session)))
    return refusal("revocation_invalid", "the form has no known action");
  for (const id of ids) {
    const revoked = await revokeAs(acting, { session: id, lift: false, reason }, context);
    if (!revoked.ok) return revoked;
  }
  return ok(`${countOf(ids.length, "session was", "sessions were")} ended: refused within two seconds.`);
}

interface AnswerProps {
  readonly viewer: ViewerName;
  readonly report: ViewerReport;
  readonly start: Explanation | undefined;
  readonly asset: string | undefined;
  readonly country: string | undefined;
  readonly done: string | undefined;
  readonly mayRevoke: boolean;
  readonly now: UnixSeconds;
}

function ViewerAnswer(props: AnswerProps) {
  const { viewer, report, start, done, mayRevoke, now } = props;
  const { sessions, refusals, revocation, hashes } = report;
  const running = sessions.filter(({ state }) => state === "running");
  return (
    <>
      {done === undefined ? null : (
        <p class="note ok" id="done" role="status">
          {done}
        </p>
      )}
      <h2 id="viewer-name">
        {viewer.subject} <span class="quiet">at {viewer.issuer}</span>
      </h2>
      {revocation === undefined ? null : (
        <div class="note error with" id="revoked">
          <p>
            <strong>Revoked</strong> <Time at={revocation.at} now={now} />: sessions and tokens until{" "}
            {utcTime(revocation.at)} are refused. A new sign-in is accepted.
            {revocation.note === undefined ? null : (
              <>
                {" "}
                By {revocation.note.author || "an unknown operator"}: {revocation.note.reason ?? "no reason"}.
              </>
            )}
          </p>
          {mayRevoke ? <ActButton {...props} act="lift" text="Undo" /> : null}
        </div>
      )}
      {start === undefined ? null : (
        <section id="start" aria-label="A start now">
          <ExplanationResult result={ok(start)} />
        </section>
      )}
      <h2>
        {running.length === 0 ? "No session is running" : `${countOf(running.length, "session")} running`}
        {sessions.length > running.length ? `, ${sessions.length - running.length} of the last hour` : ""}
      </h2>
      <ul class="found" id="viewer-sessions">
        {sessions.map((session) => (
          <SessionItem {...props} session={session} />
        ))}
      </ul>
      {mayRevoke ? <Actions {...props} running={running.length} /> : null}
      <h2>{refusals.length === 0 ? "No refusals are kept" : countOf(refusals.length, "refusal")}</h2>
      <RecentRefusals refusals={refusals.slice(0, mostRefusals)} colours={new Map()} now={now} />
      <p class="fine">
        In logs and lists: {hashes.map((hash) => [<code>{hash}</code>, " "])}. Sessions of the last hour are known as
        far as the store of the counts keeps them.
      </p>
    </>
  );
}

const mostRefusals = 20;

function SessionItem({ session, ...props }: AnswerProps & { readonly session: ViewerSession }) {
  const { sessionId, assetId, country, state, startedAt, seenAt, endedAt } = session;
  const { now, mayRevoke } = props;
  return (
    <li>
      <p>
        <strong>{assetId}</strong> <span class={`state ${state}`}>{state}</span>
        {endedAt === undefined ? null : (
          <>
            {" "}
            <Time at={endedAt} now={now} />
          </>
        )}
      </p>
      <p class="fine">
        <code>{sessionId}</code> · {countryName(country) ?? "country unknown"} · started{" "}
        <Time at={startedAt} now={now} />, last seen <Time at={seenAt} now={now} />
      </p>
      {state === "running" && mayRevoke ? <ActButton {...props} act="end" text="End" session={sessionId} /> : null}
    </li>
  );
}

/** The actions on the whole viewer, each after its consequence. */
function Actions({ running, ...props }: AnswerProps & { readonly running: number }) {
  return (
    <div class="consequences">
      {running === 0 ? null : (
        <div>
          <p>
            Ends {countOf(running, "running session")}: the players are refused within two seconds. The viewer can start
            again at once.
          </p>
          <ActButton {...props} act="end" text="End all" />
        </div>
      )}
      {props.report.revocation === undefined ? (
        <div>
          <p>
            Ends every session and refuses every token that the viewer has so far, until it is undone. After a new
            sign-in the viewer can watch again.
          </p>
          <ActButton {...props} act="revoke" text="Revoke" />
        </div>
      ) : null}
    </div>
  );
}

interface ActProps extends AnswerProps {
  readonly act: "end" | "revoke" | "lift";
  readonly text: string;
  readonly session?: string;
}

function ActButton({ viewer, asset, country, act, text, session = "" }: ActProps) {
  const fields = { ...viewer, asset: asset ?? "", country: country ?? "", act, session };
  return (
    <form
      method="post"
      action="/console/viewer"
      data-swap
      data-unknown="No response: the action may or may not have taken effect. Look the viewer up before you try again."
    >
      {Object.entries(fields).map(([name, value]) =>
        value === "" ? null : <input type="hidden" name={name} value={value} />,
      )}
      {act === "revoke" ? (
        <input name="reason" aria-label="Reason" placeholder="Reason" maxlength={longestReason} />
      ) : null}
      <button class={act === "lift" ? "small" : "small danger"} type="submit" id={`${act}-${session || "viewer"}`}>
        {text}
        {session === "" ? null : <span class="hidden"> the session {session}</span>}
      </button>
    </form>
  );
}
