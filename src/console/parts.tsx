import type { Refusal } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import { problemFor } from "../http/problems.ts";
import type { Level } from "../operator/verdict.ts";
import { relativeTime, utcTime } from "./format.ts";
import type { RefusalDetails } from "./page-response.tsx";

/** A relative time; its tooltip has the UTC time. */
export function Time({ at, now }: { readonly at: UnixSeconds; readonly now: UnixSeconds }) {
  return (
    <time datetime={rfc3339(at)} title={utcTime(at)}>
      {relativeTime(at, now)}
    </time>
  );
}

/** A refusal code with a link to its page. */
export function Code({ code, id }: { readonly code: string; readonly id?: string }) {
  return (
    <a class="code" {...(id === undefined ? {} : { id })} href={`/console/codes/${encodeURIComponent(code)}`}>
      {code}
    </a>
  );
}

/** The script shows it if a form was sent and no response came. */
export function NoResponseNote() {
  return <p id="unknown" class="note error wide" role="alert" hidden></p>;
}

/** Shown instead of a section whose store is down. */
export function Unavailable({ what, refusal }: { readonly what: string; readonly refusal: Refusal }) {
  return (
    <div class="note error" role="alert">
      <p>
        <strong>{what} are unavailable.</strong> {problemFor(refusal.code).title}: {refusal.reason}.{" "}
        <Code code={refusal.code} />
      </p>
    </div>
  );
}

/** `hasHeading`: the page shows the title already. */
export function RefusalNote({
  details,
  hasHeading = false,
}: {
  readonly details: RefusalDetails;
  readonly hasHeading?: boolean;
}) {
  return (
    <div class="note error" role="alert">
      <p>
        {hasHeading ? null : <strong>{details.title}. </strong>}
        {details.detail}
      </p>
      <p class="fine">
        {details.status} {details.code}: {details.reason}. Request-Id <code>{details.request}</code>
      </p>
    </div>
  );
}

/** A level is shown as a shape as well as a colour. */
const shapes: Readonly<Record<Level, string>> = {
  ok: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.6 14.6-4.2-4.2 1.6-1.6 2.6 2.6 5.8-5.8 1.6 1.6Z",
  warning: "M12 2 1.5 21h21ZM11 9h2v6h-2Zm0 7.5h2v2h-2Z",
  error: "M3 3h18v18H3Zm8 3.5h2v7.5h-2Zm0 9h2v2h-2Z",
};

export function StatusIcon({ level }: { readonly level: Level }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path fill-rule="evenodd" d={shapes[level]} />
    </svg>
  );
}
