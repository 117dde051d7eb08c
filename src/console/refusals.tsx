import type { Refusal, Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { RecentRefusal, RefusalsOfHour } from "../metrics/gathered.ts";
import { countWords, numberWords, utcWords } from "./format.ts";
import { Code, Silent, Time } from "./parts.tsx";
import { type CodeCount, codesOf, others, roundedTop, sumOf } from "./refusal-counts.ts";
import { overviewAt, Search, type Searched } from "./search.tsx";

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

const height = 100;
const step = 10;
const gap = 2;

type Minute = RefusalsOfHour["minutes"][number];

/** The refusals of the hour, minute by minute and stacked by code: drawn for eyes, as a table for all others. */
function RefusalChart({ refusals }: { readonly refusals: RefusalsOfHour }) {
  const { minutes } = refusals;
  const codes = codesOf(refusals);
  const sums = minutes.map(({ counts }) => Object.values(counts).reduce((sum, count) => sum + count, 0));
  const top = roundedTop(Math.max(0, ...sums));
  return (
    <figure class="chart" aria-label="Refusals of the last hour, minute by minute">
      <div class="plot">
        <ol class="scale" aria-hidden="true">
          <li>{numberWords(top)}</li>
          <li>{numberWords(top / 2)}</li>
          <li>0</li>
        </ol>
        <svg
          viewBox={`0 0 ${minutes.length * step} ${height}`}
          preserveAspectRatio="none"
          aria-hidden="true"
          focusable="false"
        >
          {[0, 0.5, 1].map((part) => (
            <line class="grid" x1="0" x2={minutes.length * step} y1={part * height} y2={part * height} />
          ))}
          {minutes.map((minute, place) => (
            <Bar minute={minute} codes={codes} x={place * step} top={top} />
          ))}
        </svg>
        <ol class="hours" aria-hidden="true">
          <li>60 min ago</li>
          <li>30 min ago</li>
          <li>now</li>
        </ol>
      </div>
      <ul class="legend">
        {codes.map(({ code, count, colour }) => (
          <li>
            <i class={`c${colour}`}></i>
            {code === others ? <span>{code}</span> : <Code code={code} id={`legend-${code}`} />}
            <b>{numberWords(count)}</b>
          </li>
        ))}
      </ul>
      <details id="chart-table" class="fine">
        <summary id="chart-table-opens">As a table</summary>
        <AsTable minutes={minutes} codes={codes} />
      </details>
    </figure>
  );
}

interface BarProps {
  readonly minute: Minute;
  readonly codes: readonly CodeCount[];
  readonly x: number;
  readonly top: number;
}

/** One minute: the commonest code of the hour stands at the bottom. */
function Bar({ minute, codes, x, top }: BarProps) {
  const parts = partsOf(minute, codes).filter(({ count }) => count > 0);
  if (parts.length === 0) return null;
  const words = parts.map(({ code, count }) => `${numberWords(count)} ${code}`).join("\n");
  let y = height;
  return (
    <g>
      <title>{`${utcWords(minute.at).slice(11, 16)} UTC\n${words}`}</title>
      <rect class="reach" x={x} y="0" width={step} height={height} />
      {parts.map(({ count, colour }) => {
        const tall = (count / top) * height;
        y -= tall;
        return <rect class={`c${colour}`} x={x + gap / 2} y={round(y)} width={step - gap} height={round(tall)} />;
      })}
    </g>
  );
}

/** The same for who does not see it: the minutes in which anything was refused. */
function AsTable({ minutes, codes }: { readonly minutes: readonly Minute[]; readonly codes: readonly CodeCount[] }) {
  const busy = minutes.filter(({ counts }) => Object.values(counts).some((count) => count > 0));
  return (
    <table class="rows">
      <caption class="hidden">{`Refusals of the last hour: ${countWords(busy.length, "minute")} with any`}</caption>
      <thead>
        <tr>
          <th scope="col">Minute (UTC)</th>
          {codes.map(({ code }) => (
            <th scope="col">{code}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {busy.map((minute) => (
          <tr>
            <th scope="row">{utcWords(minute.at).slice(11, 16)}</th>
            {partsOf(minute, codes).map(({ count }) => (
              <td>{count}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What a minute has of each code, and of those that are left over. */
function partsOf({ counts }: Minute, codes: readonly CodeCount[]): readonly CodeCount[] {
  const named = new Set(codes.map(({ code }) => code));
  const left = Object.entries(counts).reduce((sum, [code, count]) => (named.has(code) ? sum : sum + count), 0);
  return codes.map((part) => ({ ...part, count: part.code === others ? left : (counts[part.code] ?? 0) }));
}

function round(length: number): number {
  return Math.round(length * 100) / 100;
}
