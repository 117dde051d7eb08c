import type { Child } from "hono/jsx";
import type * as z from "zod";
import { ok, type Refusal, type Result } from "../base/result.ts";
import { earlier, type UnixSeconds } from "../base/time.ts";
import { countOf } from "../operator/counts.ts";
import { listRevoked, type Revoked } from "../operator/list-revoked.ts";
import { listSessions } from "../operator/list-sessions.ts";
import { lookUpViewer } from "../operator/viewer.ts";
import { type RevokedKind, revokedKinds } from "../sessions/blackout.ts";
import { longestReason } from "../sessions/revocation-note.ts";
import { never, type RevocationBody, revocationBodySchema, revokeAs } from "../sessions/revoke.ts";
import type { PageHandler } from "./console-request.ts";
import { hasScope } from "./console-sign-in.ts";
import { Field, type FormErrors, FormPage, inputOf, readForm } from "./explain-pages.tsx";
import { InvalidForm } from "./explanation-view.tsx";
import { utcTime } from "./format.ts";
import { page } from "./page-response.tsx";
import { Time, Unavailable } from "./parts.tsx";

/** How many revocations the page shows. */
const mostShown = 200;

const nameOfKind: Readonly<Record<RevokedKind, string>> = {
  ...{ session: "Session", subject: "Viewer", asset: "Asset", token: "Token", login: "Sign-in session", key: "Key" },
  blackout: "Blackout",
};

/** What is revoked, and the form to revoke something. */
export const showRevocations: PageHandler = async (request, context) =>
  ok(page(await revocationsPage(request, context, {})));

/**
 * A revocation in two steps, `ask` and `revoke`: the first answers with the consequence and a button. `undo` lifts an entry
 * of the list. Both actions need the scope operator:revoke, for a key operator:keys.
 */
export const changeRevocations: PageHandler = async (request, context) => {
  const { form, session, operator } = request;
  const shown = async (answer: Answer, status = 200) =>
    ok(page(await revocationsPage(request, context, answer), { status }));
  const act = form.get("act") ?? "ask";
  const asked = readForm(revocationBodySchema, act === "undo" ? undoFields(form) : targetFields(form));
  if (!asked.ok) return shown({ errors: byField(asked.refusal), note: <InvalidForm /> }, 400);
  const body = asked.value;
  const allowed = hasScope(session.operator, kindOf(body) === "key" ? "operator:keys" : "operator:revoke");
  if (!allowed.ok) return allowed;
  if (act === "ask") {
    const consequence = await consequenceOf(body, context);
    if (!consequence.ok) return consequence;
    return shown({ note: <Confirm form={form} kind={kindOf(body)} consequence={consequence.value} /> });
  }
  const revoked = await revokeAs({ operator, through: "console" }, body, context);
  if (!revoked.ok) return revoked;
  const name = nameOfKind[revoked.value.revoked].toLowerCase();
  const target = name === "blackout" ? "asset" : name;
  const unknown = revoked.value.known === false ? ` No such ${target} is known now: check the spelling.` : "";
  const done = body.lift
    ? `The revocation of the ${name} was undone.`
    : `The ${name} ${name === "blackout" ? "is in force" : "was revoked"}.${unknown}`;
  return shown({
    note: (
      <p class="note ok" id="done" role="status">
        {done}
      </p>
    ),
  });
};

interface Answer {
  readonly note?: Child;
  readonly errors?: FormErrors;
}

type Asked = Parameters<PageHandler>[0];
type Context = Parameters<PageHandler>[1];

async function revocationsPage({ operator, session }: Asked, context: Context, { note, errors = {} }: Answer) {
  const revoked = await listRevoked(context);
  const mayRevoke = hasScope(session.operator, "operator:revoke").ok;
  return (
    <FormPage
      id="revocations"
      title="Revoke"
      button="Show the consequence"
      summary="Ends what runs and refuses what is asked for. Nothing is revoked before you confirm."
      placeholder={null}
      operator={operator}
      answer={
        <>
          {note ?? null}
          <Listed revoked={revoked} mayRevoke={mayRevoke} now={context.clock()} />
        </>
      }
    >
      <Field name="kind" label="What" errors={errors}>
        <select id="kind" name="kind">
          {revokedKinds.map((kind) => (
            <option value={kind}>{nameOfKind[kind]}</option>
          ))}
        </select>
      </Field>
      <Field
        name="value"
        label="Its id: of a viewer sub, of a token jti, of a sign-in session sid, of a key kid, of a blackout the asset"
        errors={errors}
      >
        <input required maxlength={512} {...inputOf("value")} />
      </Field>
      <Field name="issuer" label="Issuer, of a viewer, token or sign-in session: iss" errors={errors}>
        <input placeholder="https://id.example.com" maxlength={512} {...inputOf("issuer")} />
      </Field>
      <Field name="places" label="Places of a blackout: countries, regions, networks, postal codes" errors={errors}>
        <input
          placeholder="DE US-CA AS64500 US/902"
          maxlength={512}
          {...inputOf("places")}
          autocapitalize="characters"
        />
      </Field>
      <Field name="reason" label="Reason, for other operators" errors={errors}>
        <input maxlength={longestReason} {...inputOf("reason")} autocapitalize="sentences" />
      </Field>
    </FormPage>
  );
}

/** The body of the API's route that the form means. */
function targetFields(form: URLSearchParams): z.input<typeof revocationBodySchema> {
  const field = (name: string) => form.get(name)?.trim() ?? "";
  const [value, issuer, reason] = [field("value"), field("issuer"), field("reason")];
  const kind = revokedKinds.find((one) => one === field("kind")) ?? "session";
  const named = { subject: { issuer, subject: value }, token: { issuer, jti: value }, login: { issuer, sid: value } };
  const places = field("places")
    .toUpperCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  if (kind === "blackout")
    return { blackout: { asset: value, ...(places.length > 0 && { places }) }, ...(reason !== "" && { reason }) };
  const target = kind === "subject" || kind === "token" || kind === "login" ? named[kind] : value;
  return { [kind]: target, ...(reason !== "" && { reason }) };
}

function undoFields(form: URLSearchParams) {
  return { entry: { kind: form.get("kind"), value: form.get("value") }, lift: true };
}

/** The route's member names as those of the form's fields. */
function byField(errors: FormErrors): FormErrors {
  const fields = ["issuer", "reason", "kind"];
  const fieldOf = (name: string) =>
    name === "places" || /^\d+$/.test(name) ? "places" : fields.includes(name) ? name : "value";
  return Object.fromEntries(Object.entries(errors).map(([name, text]) => [fieldOf(name), text]));
}

function kindOf({ entry, ...body }: RevocationBody): RevokedKind {
  return entry?.kind ?? revokedKinds.find((kind) => body[kind] !== undefined) ?? "session";
}

/** What a revocation ends, and how a viewer comes back, in words. */
async function consequenceOf(
  body: RevocationBody,
  context: Context,
): Promise<Result<string, Refusal<"store_unavailable">>> {
  const { subject, asset, session, blackout } = body;
  if (blackout !== undefined) {
    const found = await listSessions({ asset: blackout.asset, limit: 1 }, context);
    if (!found.ok) return found;
    const running = countOf(found.value.count, "running session");
    return ok(
      `Refuses the asset in ${(blackout.places ?? []).join(", ")}, running sessions included, and wherever the client's place is not known well enough. ` +
        `The asset has ${running} in all places. Others play on.`,
    );
  }
  if (subject !== undefined) {
    const report = await lookUpViewer(subject, context);
    if (!report.ok) return report;
    const running = report.value.sessions.filter(({ state }) => state === "running").length;
    return ok(
      `Ends ${countOf(running, "running session")} of the viewer and refuses every token that they have so far. After a new sign-in they can watch again.`,
    );
  }
  if (asset !== undefined || session !== undefined) {
    const found = await listSessions({ asset, session, limit: 1 }, context);
    if (!found.ok) return found;
    const ends = countOf(found.value.count, "running session");
    return ok(
      asset === undefined
        ? `Ends ${ends}. The viewer can start again at once.`
        : `Ends ${ends} of the asset, and nobody can start it until the revocation is undone.`,
    );
  }
  if (body.key !== undefined)
    return ok(
      "Refuses everything that the key has signed: with a session key, every session that it started. Viewers can start again under another key; if the ring has no other, nobody can watch.",
    );
  return ok(
    body.token === undefined
      ? "Ends the sign-in session, its tokens, and the sessions that they started. After a new sign-in the viewer can watch again."
      : "Refuses the token and ends the sessions that it started. The viewer can start again with another token.",
  );
}

interface ConfirmProps {
  readonly form: URLSearchParams;
  readonly kind: RevokedKind;
  readonly consequence: string;
}

function Confirm({ form, kind, consequence }: ConfirmProps) {
  const what = form.get("value")?.trim() ?? "";
  return (
    <div class="consequences" id="confirm">
      <div>
        <p>
          <strong>
            {nameOfKind[kind]} <code>{what}</code>.
          </strong>{" "}
          {consequence}
        </p>
        <Act fields={Object.fromEntries(form)} act="revoke" id="revoke-confirmed" text="Revoke" />
      </div>
    </div>
  );
}

interface ActProps {
  readonly fields: Readonly<Record<string, string>>;
  readonly act: "revoke" | "undo";
  readonly id: string;
  readonly text: string;
  /** What the button is about, for screen readers. */
  readonly of?: string;
}

function Act({ fields, act, id, text, of }: ActProps) {
  return (
    <form
      method="post"
      action="/console/revocations"
      data-swap
      data-unknown="No response: the change may or may not have been made. Look at the list before you try again."
    >
      {Object.entries({ ...fields, act }).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button class={act === "undo" ? "small" : "small danger"} type="submit" id={id}>
        {text}
        {of === undefined ? null : <span class="hidden"> {of}</span>}
      </button>
    </form>
  );
}

interface ListedProps {
  readonly revoked: Result<readonly Revoked[], Refusal>;
  readonly mayRevoke: boolean;
  readonly now: UnixSeconds;
}

function Listed({ revoked, mayRevoke, now }: ListedProps) {
  if (!revoked.ok) return <Unavailable what="The revocations" refusal={revoked.refusal} />;
  const all = revoked.value;
  if (all.length === 0) return <p class="empty">No operator's revocation is valid now.</p>;
  return (
    <>
      <h2 id="revoked-title">{countOf(all.length, "revocation")}</h2>
      {all.length > mostShown ? (
        <p class="fine">
          The last {mostShown} are shown; <code>npx stagedoor revocations</code> lists all.
        </p>
      ) : null}
      <ul class="found" id="revoked" aria-labelledby="revoked-title">
        {all.slice(0, mostShown).map((one) => (
          <Item revoked={one} mayRevoke={mayRevoke} now={now} />
        ))}
      </ul>
    </>
  );
}

function Item({ revoked, mayRevoke, now }: Omit<ListedProps, "revoked"> & { readonly revoked: Revoked }) {
  const { kind, value, at, until, author, reason } = revoked;
  return (
    <li>
      <p>
        <strong>{nameOfKind[kind]}</strong> <code class="id">{value}</code>
      </p>
      <p>{reason ?? <span class="quiet">no reason</span>}</p>
      <p class="fine">
        by {author ?? "an unknown operator"} <Time at={earlier(at, now)} now={now} />,{" "}
        {until >= never ? "until it is undone" : `until ${utcTime(until)}`}
      </p>
      {mayRevoke ? (
        <Act
          fields={{ kind, value }}
          act="undo"
          id={`undo-${kind}-${value}`}
          text="Undo"
          of={`the revocation of ${value}`}
        />
      ) : null}
    </li>
  );
}
