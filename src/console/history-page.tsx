import { ok } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import { bucketLength } from "../metrics/day-history.ts";
import { formatNumber, percentOf } from "../operator/counts.ts";
import { type Days, daysNow, type Figures, secondsText } from "../operator/history.ts";
import type { PageHandler } from "./console-request.ts";
import { utcTime } from "./format.ts";
import { Frame } from "./frame.tsx";
import { page } from "./page-response.tsx";
import { StatusIcon, Time, Unavailable } from "./parts.tsx";

/** One figure of the page. */
interface Chart {
  readonly id: string;
  readonly title: string;
  /** Undefined where nothing was requested. */
  readonly value: (figures: Figures) => number | undefined;
  readonly text: (value: number) => string;
  /** The top of a share's chart. */
  readonly top?: number;
}

const share = (part: number, whole: number) => (whole === 0 ? undefined : part / whole);
const percent = (value: number) => percentOf(value, 1);

const charts: readonly Chart[] = [
  { id: "starts", title: "Starts requested", value: ({ starts }) => starts, text: formatNumber },
  {
    id: "starts-accepted",
    title: "Starts accepted",
    value: ({ startsAccepted, starts }) => share(startsAccepted, starts),
    text: percent,
    top: 1,
  },
  {
    id: "media-served",
    title: "Media requests served",
    value: ({ mediaAccepted, media }) => share(mediaAccepted, media),
    text: percent,
    top: 1,
  },
  { id: "refused", title: "Refusals", value: ({ refused }) => refused, text: formatNumber },
  {
    id: "origin-time",
    title: "Origin's response time",
    value: ({ originSeconds }) => originSeconds,
    text: secondsText,
  },
  { id: "origin-failed", title: "Origin's failures", value: ({ originFailed }) => originFailed, text: formatNumber },
  {
    id: "cache",
    title: "Cache hits",
    value: ({ cacheHits, cacheLookups }) => share(cacheHits, cacheLookups),
    text: percent,
    top: 1,
  },
  {
    id: "live-delay",
    title: "Live delay",
    value: ({ liveSeconds }) => liveSeconds,
    text: secondsText,
  },
];

/** The last 24 hours, next to the 24 hours before. */
export const showHistory: PageHandler = async ({ operator }, context) => {
  const now = context.clock();
  const days = await daysNow(context);
  return ok(
    page(
      <Frame title="History" at="history" operator={operator}>
        {days.ok ? (
          <DaysView days={days.value} now={now} />
        ) : (
          <>
            <h1>Is it worse than yesterday?</h1>
            <Unavailable what="The last days" refusal={days.refusal} />
          </>
        )}
      </Frame>,
    ),
  );
};

function DaysView({ days, now }: { readonly days: Days; readonly now: UnixSeconds }) {
  const { worse, marks } = days;
  const level = worse.length === 0 ? "ok" : "warning";
  return (
    <>
      <div id="worse" class={`verdict ${level}`}>
        <StatusIcon level={level} />
        <h1>
          {worse.length === 0 ? "No figure is clearly worse than yesterday." : "Worse than yesterday at this time."}
        </h1>
        <p class="why">
          {worse.length === 0 ? "The last hour was compared with the same hour of yesterday." : `${worse.join(". ")}.`}
        </p>
      </div>
      <div class="days">
        {charts.map((chart) => (
          <ChartView chart={chart} days={days} />
        ))}
      </div>
      <section aria-labelledby="marks-title">
        <h2 id="marks-title">Releases and key steps</h2>
        {marks.length === 0 ? <p class="empty">None in the last 24 hours.</p> : null}
        <ol class="recent">
          {marks.toReversed().map(({ at, kind, state }) => (
            <li>
              <p class="first">
                {kind === "version" ? "Release" : "Key"} <code>{state}</code> <Time at={at} now={now} />
              </p>
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}

const height = 100;
const step = 10;

/** A bar per ten minutes, yesterday's as a step behind it, and a line per mark. The hours are in a table. */
function ChartView({ chart, days }: { readonly chart: Chart; readonly days: Days }) {
  const { id, title, value, text } = chart;
  const { today, yesterday, hours, marks, lastHour, dayBefore } = days;
  const all = [...today, ...yesterday].map((figures) => value(figures) ?? 0);
  const top = chart.top ?? Math.max(...all);
  const start = today[0]?.at ?? 0;
  const length = today.length * bucketLength;
  const tall = (figures: Figures) => (top === 0 ? 0 : ((value(figures) ?? 0) / top) * height);
  const shown = (figures: Figures) => {
    const found = value(figures);
    return found === undefined ? "–" : text(found);
  };
  return (
    <figure id={id} class="day" aria-labelledby={`${id}-title`}>
      <figcaption>
        <h2 id={`${id}-title`}>{title}</h2>
        <p>
          <b>{shown(lastHour)}</b> <span class="fine">in the last hour; {shown(dayBefore)} a day before</span>
        </p>
      </figcaption>
      <svg
        viewBox={`0 0 ${today.length * step} ${height}`}
        preserveAspectRatio="none"
        aria-hidden="true"
        focusable="false"
      >
        {yesterday.map((figures, place) => (
          <rect class="before" x={place * step} y={height - tall(figures)} width={step} height={tall(figures)} />
        ))}
        {today.map((figures, place) => (
          <rect class="c1" x={place * step + 2} y={height - tall(figures)} width={step - 4} height={tall(figures)} />
        ))}
        <line class="grid" x1="0" x2={today.length * step} y1={height} y2={height} />
        {marks.map(({ at }) => {
          const x = ((at - start) / length) * today.length * step;
          return <line class="mark" x1={x} x2={x} y1="0" y2={height} />;
        })}
      </svg>
      <p class="fine hours">
        <span>24 h ago</span>
        <span>highest {text(Math.max(...all))}</span>
        <span>now</span>
      </p>
      <details>
        <summary>As a table</summary>
        <table class="rows">
          <caption class="hidden">{title}, every hour</caption>
          <thead>
            <tr>
              <th scope="col">Hour from</th>
              <th scope="col">Today</th>
              <th scope="col">A day before</th>
            </tr>
          </thead>
          <tbody>
            {hours.map(({ from, now, before }) => (
              <tr>
                <th scope="row">
                  <time datetime={rfc3339(from)}>{utcTime(from).slice(11, 16)} UTC</time>
                </th>
                <td data-of="Today">{shown(now)}</td>
                <td data-of="A day before">{shown(before)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
