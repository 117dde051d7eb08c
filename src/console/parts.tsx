import type { Refusal } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import { problemFor } from "../http/problems.ts";
import { awayWords, utcWords } from "./format.ts";
import type { Told } from "./page-response.tsx";

/** A point in time by how far it is away; where it points to says when that is in UTC. */
export function Time({ at, now }: { readonly at: UnixSeconds; readonly now: UnixSeconds }) {
  return (
    <time datetime={rfc3339(at)} title={utcWords(at)}>
      {awayWords(at, now)}
    </time>
  );
}

/** A refusal's code, which leads to what to do about it. */
export function Code({ code, id }: { readonly code: string; readonly id?: string }) {
  return (
    <a class="code" {...(id === undefined ? {} : { id })} href={`/console/codes/${encodeURIComponent(code)}`}>
      {code}
    </a>
  );
}

/** Where the page's script says that a form was sent and no answer came. */
export function Unknown() {
  return <p id="unknown" class="note bad wide" role="alert" hidden></p>;
}

/** In the place of what could not be asked for. */
export function Silent({ what, refusal }: { readonly what: string; readonly refusal: Refusal }) {
  return (
    <div class="note bad" role="alert">
      <p>
        <strong>{what} cannot be shown.</strong> {problemFor(refusal.code).title}: {refusal.reason}.{" "}
        <Code code={refusal.code} />
      </p>
    </div>
  );
}

/** Why something was not done; `titled` where a heading has said what already. */
export function Refused({ told, titled = false }: { readonly told: Told; readonly titled?: boolean }) {
  return (
    <div class="note bad" role="alert">
      <p>
        {titled ? null : <strong>{told.title}. </strong>}
        {told.detail}
      </p>
      <p class="fine">
        {told.status} {told.code}: {told.reason}. Request-Id <code>{told.request}</code>
      </p>
    </div>
  );
}

/** How something stands, by form as well as by colour. */
export type Level = "well" | "look" | "bad";

const forms: Readonly<Record<Level, string>> = {
  well: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.6 14.6-4.2-4.2 1.6-1.6 2.6 2.6 5.8-5.8 1.6 1.6Z",
  look: "M12 2 1.5 21h21ZM11 9h2v6h-2Zm0 7.5h2v2h-2Z",
  bad: "M3 3h18v18H3Zm8 3.5h2v7.5h-2Zm0 9h2v2h-2Z",
};

export function Mark({ level }: { readonly level: Level }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path fill-rule="evenodd" d={forms[level]} />
    </svg>
  );
}
