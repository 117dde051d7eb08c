import { ok, refusal } from "../base/result.ts";
import { refusalCodes } from "../http/problems.ts";
import { listKeys } from "../operator/list-keys.ts";
import { listRefusals, listSessions } from "../operator/list-sessions.ts";
import { freshRevocations } from "../operator/operator-context.ts";
import { ExplainPage, SimulatePage } from "./ask-pages.tsx";
import { CodePage } from "./code-page.tsx";
import type { Shown } from "./console-request.ts";
import { hasScope } from "./console-sign-in.ts";
import { numberWords, utcWords } from "./format.ts";
import { Frame } from "./frame.tsx";
import { Keys } from "./key-table.tsx";
import { type Done, doneIn } from "./last-action.ts";
import { page } from "./page-response.tsx";
import { Mark, Unknown } from "./parts.tsx";
import { sumOf } from "./refusal-counts.ts";
import { Refusals } from "./refusals.tsx";
import { type Searched, searchedIn } from "./search.tsx";
import { Sessions, sessionsAsked } from "./session-table.tsx";
import { type Overview, verdictOf } from "./verdict.ts";

/** The overview. What cannot be asked for is said in its place, so that the rest can be seen all the same. */
export const showOverview: Shown = async ({ session, operator, request: { query } }, context) => {
  const searched = searchedIn(query);
  const wanted = searched.request.trim();
  const [sessions, all, refusals, keys, snapshot] = await Promise.all([
    listSessions(sessionsAsked(searched.find), context),
    searched.find.trim() === "" ? undefined : listSessions({ limit: 1 }, context),
    listRefusals(context, wanted === "" ? undefined : wanted),
    listKeys(context),
    freshRevocations(context),
  ]);
  const counted = all ?? sessions;
  const watching = counted.ok ? counted.value.count : undefined;
  const now = context.clock();
  const overview = { sessions, watching, refusals, keys, now };
  const mayRevoke = hasScope(session.operator, "operator:revoke").ok;
  const known = { keys: context.keys, snapshot: snapshot.ok ? snapshot.value : undefined };
  const done = doneIn(query, now, known);
  return ok(page(<OverviewPage {...{ overview, operator, mayRevoke, searched, done }} />));
};

/** What a code means and what to do about it; `route_unknown` for one that there is not. */
export const showCode: Shown = async ({ operator, name }, context) => {
  const code = refusalCodes.find((one) => one === name);
  if (code === undefined) return refusal("route_unknown", "no refusal has this code");
  const hour = await listRefusals(context);
  const count = hour.ok ? (hour.value.total[code] ?? 0) : undefined;
  const recent = hour.ok ? hour.value.recent.filter((one) => one.code === code).slice(0, 20) : [];
  return ok(page(<CodePage {...{ code, count, recent, operator, now: context.clock() }} />));
};

export const showExplain: Shown = async ({ operator }) => ok(page(<ExplainPage operator={operator} />));

export const showSimulate: Shown = async ({ operator }, context) =>
  ok(page(<SimulatePage operator={operator} assets={await assetIds(context)} />));

/** The catalog's ids, to choose from; none where it cannot be read, and then the id is typed. */
export async function assetIds({ catalog }: Pick<Parameters<Shown>[1], "catalog">): Promise<readonly string[]> {
  const found = await catalog();
  return found.ok ? found.value.assets().map(({ id }) => id) : [];
}

interface OverviewProps {
  readonly overview: Overview;
  readonly operator: string;
  readonly mayRevoke: boolean;
  readonly searched: Searched;
  /** What was done just now. */
  readonly done: Done | undefined;
}

/** Whether all is well, and then the details. */
function OverviewPage({ overview, operator, mayRevoke, searched, done }: OverviewProps) {
  const { sessions, refusals, keys, now } = overview;
  return (
    <Frame title="Overview" at="overview" operator={operator} live>
      <VerdictLine overview={overview} />
      <div class="stale verdict bad wide" role="alert">
        <Mark level="bad" />
        <h1>This page is old.</h1>
        <p class="why">
          The API does not answer; what stands here is of{" "}
          <span id="as-of" data-live>
            {utcWords(now)}
          </span>
          .
        </p>
      </div>
      <Unknown />
      <div class="side">
        <Sessions {...{ sessions, searched, done, mayRevoke, now }} />
        <Keys keys={keys} now={now} />
      </div>
      <Refusals refusals={refusals} searched={searched} now={now} />
    </Frame>
  );
}

/** The verdict, and the figures that lead to what stands below. */
function VerdictLine({ overview }: { readonly overview: Overview }) {
  const { level, words, why } = verdictOf(overview);
  const { watching, refusals } = overview;
  return (
    <div id="verdict" class={`verdict wide ${level}`} data-live>
      <Mark level={level} />
      <h1>{words}</h1>
      <p class="why">{why}</p>
      <div class="figures">
        <a href="#sessions" id="watching">
          <b>{watching === undefined ? "–" : numberWords(watching)}</b>
          <span>watching</span>
        </a>
        <a href="#refusals" id="refused">
          <b>{refusals.ok ? numberWords(sumOf(refusals.value)) : "–"}</b>
          <span>refused</span>
        </a>
      </div>
    </div>
  );
}
