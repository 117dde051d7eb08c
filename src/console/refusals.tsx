import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import type { RecentRefusal, RefusalsOfHour } from "../telemetry/gathered.ts";
import { Code, Silent, Time } from "./parts.tsx";
import { RefusalChart } from "./refusal-chart.tsx";
import { codesOf, sumOf } from "./refusal-counts.ts";
import { Search } from "./search.tsx";
import { overviewAt, type Searched } from "./searched.ts";
import { countWords } from "./words.ts";

const mostShown = 10;

export interface RefusalsProps {
  readonly refusals: Result<RefusalsOfHour, Refusal>;
  readonly searched: Searched;
  readonly now: UnixSeconds;
}

/** What was refused in the last hour, by code, and the last ones one by one. */
export function Refusals({ refusals, searched, now }: RefusalsProps) {
  return (
    <section id="refusals" class="refusals" aria-labelledby="refusals-title">
      <div class="head">
        <h2 id="refusals-title">Refused in the last hour</h2>
        <Search name="request" label="Request-Id or viewer id" hint="Request-Id" longest={64} searched={searched} />
      </div>
      <div id="refusals-now" data-live>
        {refusals.ok ? (
          <Hour refusals={refusals.value} searched={searched} now={now} />
        ) : (
          <Silent what="The refusals" refusal={refusals.refusal} />
        )}
      </div>
    </section>
  );
}

function Hour({
  refusals,
  searched,
  now,
}: {
  readonly refusals: RefusalsOfHour;
  readonly searched: Searched;
  readonly now: UnixSeconds;
}) {
  const asked = searched.request.trim();
  const found = refusals.recent.slice(0, mostShown);
  const colours = new Map(codesOf(refusals).map(({ code, colour }) => [code, colour]));
  if (sumOf(refusals) === 0 && asked === "") return <p class="empty">Nothing was refused.</p>;
  return (
    <>
      <RefusalChart refusals={refusals} />
      {asked === "" ? null : (
        <p class="fine">
          {found.length === 0
            ? `No refusal that is kept has the Request-Id, or is of the viewer, ${asked}: only the last ones are. Its line stands in the worker's log. `
            : `${countWords(found.length, "refusal")} found. `}
          <a id="all-refusals" href={overviewAt({ ...searched, request: "" })}>
            Show all
          </a>
        </p>
      )}
      <RecentRefusals refusals={found} colours={colours} searched={searched} now={now} />
    </>
  );
}

interface RecentProps {
  readonly refusals: readonly RecentRefusal[];
  readonly colours: ReadonlyMap<string, number>;
  readonly searched?: Searched;
  readonly now: UnixSeconds;
}

export function RecentRefusals({ refusals, colours, searched, now }: RecentProps) {
  return (
    <ol class="recent" aria-label="The last ones">
      {refusals.map(({ at, worker, code, reason, request, subject }) => (
        <li>
          <p class="first">
            <i class={`c${colours.get(code) ?? 0}`}></i>
            <Code code={code} id={`code-${request}`} />
            <Time at={at} now={now} />
          </p>
          <p class="reason">{reason}</p>
          <p class="fine">
            {worker} · <code>{request}</code>
            {subject === undefined ? null : (
              <>
                {" · "}
                <a
                  id={`viewer-${request}`}
                  href={`${overviewAt({ ...searched, find: subject })}#sessions`}
                  aria-label={`Sessions of the viewer of the refusal ${request}`}
                >
                  sessions of this viewer
                </a>
              </>
            )}
          </p>
        </li>
      ))}
    </ol>
  );
}
