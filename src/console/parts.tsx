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
export function Code({ code }: { readonly code: string }) {
  return (
    <a class="code" href={`/console/codes/${encodeURIComponent(code)}`}>
      {code}
    </a>
  );
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

/** Why something was not done. */
export function Refused({ told }: { readonly told: Told }) {
  return (
    <div class="note bad" role="alert">
      <p>
        <strong>{told.title}.</strong> {told.detail}
      </p>
      <p class="fine">
        {told.status} {told.code}: {told.reason}. Request-Id <code>{told.request}</code>
      </p>
    </div>
  );
}
