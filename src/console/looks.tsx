import { refusal } from "../base/refusal.ts";
import { ok } from "../base/result.ts";
import { forbiddenNow } from "../flows/operator/forbidden-now.ts";
import { keysNow } from "../flows/operator/keys-now.ts";
import { listSessions } from "../flows/operator/list-sessions.ts";
import { refusalsOfHour } from "../flows/operator/refusals-of-hour.ts";
import { refusalCodes } from "../http/faces.ts";
import { page } from "./answers.tsx";
import { ExplainPage, SimulatePage } from "./ask-pages.tsx";
import { CodePage } from "./code-page.tsx";
import { doneIn } from "./done.ts";
import { OverviewPage } from "./overview.tsx";
import { searchedIn } from "./searched.ts";
import { sessionsAsked } from "./sessions.tsx";
import { hasScope } from "./signed-in.ts";
import type { Shown } from "./visit.ts";

/** The overview. What cannot be asked for is said in its place, so that the rest can be seen all the same. */
export const showOverview: Shown = async ({ session, operator, request: { query } }, context) => {
  const searched = searchedIn(query);
  const wanted = searched.request.trim();
  const [sessions, all, refusals, keys, snapshot] = await Promise.all([
    listSessions(sessionsAsked(searched.find), context),
    searched.find.trim() === "" ? undefined : listSessions({ limit: 1 }, context),
    refusalsOfHour(context, wanted === "" ? undefined : wanted),
    keysNow(context),
    forbiddenNow(context),
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
  const hour = await refusalsOfHour(context);
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
