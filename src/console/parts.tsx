import type { Refusal } from "../base/refusal.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import { rfc3339 } from "../base/seconds.ts";
import { faceOf } from "../http/faces.ts";
import type { Told } from "./answers.tsx";
import { awayWords, utcWords } from "./words.ts";

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
        <strong>{what} cannot be shown.</strong> {faceOf(refusal.code).title}: {refusal.reason}.{" "}
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
