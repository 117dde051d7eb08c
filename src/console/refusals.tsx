import type { Refusal, Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { RecentRefusal, RefusalsOfHour } from "../metrics/gathered.ts";
import { countOf, countRefusals, formatNumber } from "../operator/counts.ts";
import { utcTime } from "./format.ts";
import { Code, Time, Unavailable } from "./parts.tsx";
import { type CodeCount, chartTop, codesOf, others } from "./refusal-counts.ts";
import { overviewUrl, Search, type SearchParams } from "./search.tsx";

const maxShown = 10;

export interface RefusalsProps {
  readonly refusals: Result<RefusalsOfHour, Refusal>;
  readonly searchParams: SearchParams;
  readonly now: UnixSeconds;
}

/** The refusals of the last hour per code, and the last ones in full. */
export function Refusals({ refusals, searchParams, now }: RefusalsProps) {
  return (
    <section id="refusals" class="refusals" aria-labelledby="refusals-title">
      <div class="head">
        <h2 id="refusals-title">Refused in the last hour</h2>
        <Search
          name="request"
          label="Request-Id, viewer id, code, asset, country, network or player"
          hint="Request-Id, asset, DE, AS64500"
          longest={64}
          searchParams={searchParams}
        />
      </div>
      <div id="refusals-now" data-live>
        {refusals.ok ? (
          <Hour refusals={refusals.value} searchParams={searchParams} now={now} />
        ) : (
          <Unavailable what="The refusals" refusal={refusals.refusal} />
        )}
      </div>
    </section>
  );
}

function Hour({
  refusals,
  searchParams,
  now,
}: {
  readonly refusals: RefusalsOfHour;
  readonly searchParams: SearchParams;
  readonly now: UnixSeconds;
}) {
  const filter = searchParams.request.trim();
  const shown = refusals.recent.slice(0, maxShown);
  const colours = new Map(codesOf(refusals).map(({ code, colour }) => [code, colour]));
  if (countRefusals(refusals) === 0 && filter === "") return <p class="empty">No requests were refused.</p>;
  return (
    <>
      <RefusalChart refusals={refusals} />
      {filter === "" ? null : (
        <p class="fine">
          {shown.length === 0
            ? `${filter} was not found: only the last refusals are kept. Search the worker logs. `
            : `${countOf(shown.length, "refusal")} found. `}
          <a id="all-refusals" href={overviewUrl({ ...searchParams, request: "" })}>
            Show all
          </a>
        </p>
      )}
      <RecentRefusals refusals={shown} colours={colours} searchParams={searchParams} now={now} />
    </>
  );
}

interface RecentProps {
  readonly refusals: readonly RecentRefusal[];
  readonly colours: ReadonlyMap<string, number>;
  readonly searchParams?: SearchParams;
  readonly now: UnixSeconds;
}

export function RecentRefusals({ refusals, colours, searchParams, now }: RecentProps) {
  return (
    <ol class="recent" aria-label="Last refusals">
      {refusals.map(({ at, worker, code, reason, request, subject, asset, country, asn, player }) => (
        <li>
          <p class="first">
            <i class={`c${colours.get(code) ?? 0}`}></i>
            <Code code={code} id={`code-${request}`} />
            <Time at={at} now={now} />
          </p>
          <p class="reason">{reason}</p>
          <p class="fine">
            {worker} · <code>{request}</code>
            {[asset, country, asn && `AS${asn}`, player].map((trait) => (trait ? ` · ${trait}` : ""))}
            {subject === undefined ? null : (
              <>
                {" · "}
                <a
                  id={`viewer-${request}`}
                  href={`${overviewUrl({ ...searchParams, find: subject })}#sessions`}
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

/** A bar per minute, stacked by code. The same data is available as a table. */
function RefusalChart({ refusals }: { readonly refusals: RefusalsOfHour }) {
  const { minutes } = refusals;
  const codes = codesOf(refusals);
  const sums = minutes.map(({ counts }) => Object.values(counts).reduce((sum, count) => sum + count, 0));
  const top = chartTop(Math.max(0, ...sums));
  return (
    <figure class="chart" aria-label="Refusals of the last hour, minute by minute">
      <div class="plot">
        <ol class="scale" aria-hidden="true">
          <li>{formatNumber(top)}</li>
          <li>{formatNumber(top / 2)}</li>
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
            <b>{formatNumber(count)}</b>
          </li>
        ))}
      </ul>
      <details id="chart-table" class="fine">
        <summary id="chart-table-opens">As a table</summary>
        <ChartTable minutes={minutes} codes={codes} />
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

/** One minute, with the most frequent code of the hour at the bottom. */
function Bar({ minute, codes, x, top }: BarProps) {
  const parts = partsOf(minute, codes).filter(({ count }) => count > 0);
  if (parts.length === 0) return null;
  const words = parts.map(({ code, count }) => `${formatNumber(count)} ${code}`).join("\n");
  let y = height;
  return (
    <g>
      <title>{`${utcTime(minute.at).slice(11, 16)} UTC\n${words}`}</title>
      <rect class="reach" x={x} y="0" width={step} height={height} />
      {parts.map(({ count, colour }) => {
        const tall = (count / top) * height;
        y -= tall;
        return <rect class={`c${colour}`} x={x + gap / 2} y={round(y)} width={step - gap} height={round(tall)} />;
      })}
    </g>
  );
}

/** For screen readers: the minutes with refusals. */
function ChartTable({ minutes, codes }: { readonly minutes: readonly Minute[]; readonly codes: readonly CodeCount[] }) {
  const busy = minutes.filter(({ counts }) => Object.values(counts).some((count) => count > 0));
  return (
    <table class="rows">
      <caption class="hidden">{`Refusals of the last hour: ${countOf(busy.length, "minute")} with any`}</caption>
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
            <th scope="row">{utcTime(minute.at).slice(11, 16)}</th>
            {partsOf(minute, codes).map(({ count }) => (
              <td>{count}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The counts of a minute per code, including {@link others}. */
function partsOf({ counts }: Minute, codes: readonly CodeCount[]): readonly CodeCount[] {
  const named = new Set(codes.map(({ code }) => code));
  const left = Object.entries(counts).reduce((sum, [code, count]) => (named.has(code) ? sum : sum + count), 0);
  return codes.map((part) => ({ ...part, count: part.code === others ? left : (counts[part.code] ?? 0) }));
}

function round(length: number): number {
  return Math.round(length * 100) / 100;
}
