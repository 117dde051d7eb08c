import { ok, refusal } from "../base/result.ts";
import { between, type UnixSeconds } from "../base/time.ts";
import { refusalCodes } from "../http/problems.ts";
import { type Answered, answeredIn, countRefusals, formatNumber, percentOf } from "../operator/counts.ts";
import { duration } from "../operator/explain/explanation.ts";
import { daysNow } from "../operator/history.ts";
import { listKeys } from "../operator/list-keys.ts";
import { listRefusals, listSessions } from "../operator/list-sessions.ts";
import { unenforcedNow } from "../operator/set-enforcement.ts";
import { type Overview, verdictOf, watchedMinutes } from "../operator/verdict.ts";
import { CodePage } from "./code-page.tsx";
import type { PageHandler } from "./console-request.ts";
import { hasScope } from "./console-sign-in.ts";
import { ExplainPage, SimulatePage } from "./explain-pages.tsx";
import { utcTime } from "./format.ts";
import { Frame } from "./frame.tsx";
import { Keys } from "./key-table.tsx";
import { type LastAction, readLastAction } from "./last-action.ts";
import { page } from "./page-response.tsx";
import { NoResponseNote, StatusIcon } from "./parts.tsx";
import { Refusals } from "./refusals.tsx";
import { readSearchParams, type SearchParams } from "./search.tsx";
import { Sessions, sessionQuery } from "./session-table.tsx";

/** The overview. If a store is down, its section says so and the others are shown. */
export const showOverview: PageHandler = async ({ session, operator, request: { query } }, context) => {
  const searchParams = readSearchParams(query);
  const filter = searchParams.request.trim();
  // Refreshed first, so that the lists below use this same snapshot.
  const snapshot = await context.revocations.fresh();
  const [sessions, all, refusals, keys, days, unenforced] = await Promise.all([
    listSessions(sessionQuery(searchParams.find), context),
    searchParams.find.trim() === "" ? undefined : listSessions({ limit: 1 }, context),
    listRefusals(context, filter === "" ? undefined : filter),
    listKeys(context),
    daysNow(context),
    unenforcedNow(context),
  ]);
  const unfiltered = all ?? sessions;
  const watching = unfiltered.ok ? unfiltered.value.count : undefined;
  const now = context.clock();
  const overview = { sessions, watching, refusals, keys, worse: days.ok ? days.value.worse : [], unenforced, now };
  const mayRevoke = hasScope(session.operator, "operator:revoke").ok;
  const evidence = { keys: context.keys, snapshot: snapshot.ok ? snapshot.value : undefined };
  const lastAction = readLastAction(query, now, evidence);
  return ok(page(<OverviewPage {...{ overview, operator, mayRevoke, searchParams, lastAction }} />));
};

/** The page of a refusal code. An unknown code is refused with `route_unknown`. */
export const showCode: PageHandler = async ({ operator, name }, context) => {
  const code = refusalCodes.find((one) => one === name);
  if (code === undefined) return refusal("route_unknown", "there is no such refusal code");
  const hour = await listRefusals(context);
  const count = hour.ok ? (hour.value.total[code] ?? 0) : undefined;
  const recent = hour.ok ? hour.value.recent.filter((one) => one.code === code).slice(0, 20) : [];
  return ok(page(<CodePage {...{ code, count, recent, operator, now: context.clock() }} />));
};

export const showExplain: PageHandler = async ({ operator }) => ok(page(<ExplainPage operator={operator} />));

export const showSimulate: PageHandler = async ({ operator }, context) =>
  ok(page(<SimulatePage operator={operator} assets={await assetIds(context)} />));

/** The asset ids that the form offers. If the catalog is unavailable, there are none and the operator types an id. */
export async function assetIds({ catalog }: Pick<Parameters<PageHandler>[1], "catalog">): Promise<readonly string[]> {
  const current = await catalog();
  return current.ok ? current.value.assets().map(({ id }) => id) : [];
}

interface OverviewProps {
  readonly overview: Overview;
  readonly operator: string;
  readonly mayRevoke: boolean;
  readonly searchParams: SearchParams;
  readonly lastAction: LastAction | undefined;
}

function OverviewPage({ overview, operator, mayRevoke, searchParams, lastAction }: OverviewProps) {
  const { sessions, refusals, keys, now } = overview;
  return (
    <Frame title="Overview" at="overview" operator={operator} live>
      <VerdictLine overview={overview} />
      <div class="stale verdict error wide" role="alert">
        <StatusIcon level="error" />
        <h1>This page is out of date.</h1>
        <p class="why">
          The API does not respond. This page shows the state at{" "}
          <span id="as-of" data-live>
            {utcTime(now)}
          </span>
          .
        </p>
      </div>
      <NoResponseNote />
      <Unenforced assets={overview.unenforced} now={now} />
      <div class="side">
        <Sessions {...{ sessions, searchParams, lastAction, mayRevoke, now }} />
        <Keys keys={keys} now={now} />
      </div>
      <Refusals refusals={refusals} searchParams={searchParams} now={now} />
    </Frame>
  );
}

const mostUnenforced = 10;

/** The assets whose protection is not enforced. Nothing if all are. */
function Unenforced({ assets, now }: { readonly assets: Overview["unenforced"]; readonly now: UnixSeconds }) {
  return (
    <section id="unenforced" class="wide" aria-labelledby="unenforced-title" data-live hidden={assets.length === 0}>
      <h2 id="unenforced-title">Not enforced</h2>
      <p class="fine">
        Requests that would be refused are served, and counted in{" "}
        <a id="observed" href="/console/breakdown">
          Breakdown
        </a>
        .
      </p>
      <ul class="plain">
        {assets.slice(0, mostUnenforced).map(({ asset, mode, until }) => (
          <li>
            <strong>{asset}</strong> {mode === "off" ? "is off" : "is observed"} for {duration(between(now, until))}{" "}
            more
          </li>
        ))}
        {assets.length > mostUnenforced ? <li>and {assets.length - mostUnenforced} more</li> : null}
      </ul>
    </section>
  );
}

/** The verdict, and figures that link to the sections below. */
function VerdictLine({ overview }: { readonly overview: Overview }) {
  const { level, words, why } = verdictOf(overview);
  const { watching, refusals } = overview;
  return (
    <div id="verdict" class={`verdict wide ${level}`} data-live>
      <StatusIcon level={level} />
      <h1>{words}</h1>
      <p class="why">{why}</p>
      <div class="figures">
        <a href="#sessions" id="watching">
          <b>{watching === undefined ? "–" : formatNumber(watching)}</b>
          <span>watching</span>
        </a>
        <a href="#refusals" id="refused">
          <b>{refusals.ok ? formatNumber(countRefusals(refusals.value)) : "–"}</b>
          <span>refused</span>
        </a>
        {refusals.ok ? (
          <>
            <Share
              id="starts"
              of="starts accepted"
              answered={answeredIn(refusals.value.minutes, "start", watchedMinutes)}
            />
            <Share
              id="media"
              of="media served"
              answered={answeredIn(refusals.value.minutes, "media", watchedMinutes)}
            />
          </>
        ) : null}
      </div>
    </div>
  );
}

/** The accepted share of the last minutes' requests; a dash if there were none. */
function Share({ id, of, answered }: { readonly id: string; readonly of: string; readonly answered: Answered }) {
  const { requested, accepted } = answered;
  const title = `${formatNumber(accepted)} of ${formatNumber(requested)} in the last five minutes`;
  return (
    <a href="#refusals" id={id} title={title}>
      <b>{requested === 0 ? "–" : percentOf(accepted, requested)}</b>
      <span>{of}</span>
    </a>
  );
}
