import { readDecimal } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, seconds, type UnixSeconds } from "../base/time.ts";
import type { RouteParameter } from "../http/route.ts";
import {
  type Ending,
  type GroupBy,
  groupings,
  type RecentRefusal,
  type RefusalsOfHour,
  type SessionsAsked,
  type SessionsNow,
} from "../metrics/gathered.ts";
import { groupOf } from "../metrics/group-counts.ts";
import type { RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import { fromStore } from "../sessions/session-context.ts";
import type { OperatorContext } from "./operator-context.ts";

/** Limits of `GET /operator/sessions`. */
export const maxListed = 500;
export const defaultListed = 100;

/** The parameter `limit`. The response repeats a number only: any other text may be a secret in the wrong place. */
export function readListLimit(text: string | undefined): Result<number, Refusal<"body_invalid">> {
  const limit = text === undefined ? defaultListed : readDecimal(text);
  if (limit !== undefined && limit >= 1 && limit <= maxListed) return ok(limit);
  const found = text !== undefined && /^[+-]?[\d.]{1,12}$/.test(text) ? `, not ${text}` : "";
  const allowed = `a whole number from 1 to ${maxListed}`;
  return refusal("body_invalid", `limit is ${allowed}`, `limit: Use ${allowed}${found}.`);
}

/** Which part of a list is returned. */
export interface ListPage {
  readonly skip: number;
  readonly limit: number;
}

/** The parameter `skip`. */
export function readSkip(text: string | undefined): Result<number, Refusal<"body_invalid">> {
  const skip = readDecimal(text ?? "0");
  if (skip !== undefined) return ok(skip);
  return refusal("body_invalid", "skip is a whole number", "skip: Use a whole number from 0.");
}

/** The parameter of {@link readSkip}. */
export const skipParameter: RouteParameter = {
  name: "skip",
  in: "query",
  description: "How many to leave out: those of the pages before.",
  schema: { type: "integer", minimum: 0, default: 0 },
};

/** Longer than the longest lease: a silent session leaves the list earlier. */
const listedFor = seconds(4_000);
/** How many revocations of each kind are sent to the metrics object, the latest ones. */
const maxRevocations = 50_000;

/**
 * The sessions that hold a lease, the last seen first, without revoked ones: a revocation of a session, asset or viewer
 * shows in the list within two seconds. The list does not know the token, login or key of a session, so after a
 * revocation of one of those it shows the session until the lease expires.
 */
export async function listSessions(
  query: Omit<SessionsAsked, "without">,
  context: OperatorContext,
): Promise<Result<SessionsNow, Refusal<"store_unavailable">>> {
  const snapshot = await context.revocations.fresh();
  if (!snapshot.ok) return snapshot;
  const without = recentRevocations(snapshot.value, context.clock());
  return fromStore("the metrics object", context.gathered.sessions({ ...query, without }), context);
}

/** Sessions that were revoked earlier have been silent since, and are no longer in the list. */
function recentRevocations({ entries }: RevocationSnapshot, now: UnixSeconds): Ending {
  const recent = (kind: "session" | "asset" | "subject") =>
    [...entries[kind].values()].filter(({ at }) => now < after(at, listedFor)).slice(-maxRevocations);
  return {
    sessions: recent("session").map(({ value }) => value),
    assets: recent("asset").map(({ value }) => value),
    subjects: recent("subject").map(({ value, at }) => [value, at]),
  };
}

export interface RefusalList extends RefusalsOfHour {
  /** The number of refusals per code in the last hour. */
  readonly total: Readonly<Record<string, number>>;
}

/** What selects kept refusals. All parts must match. */
export interface RefusalFilter extends Readonly<Partial<Record<GroupBy, string | undefined>>> {
  readonly request?: string | undefined;
  readonly subject?: string | undefined;
  readonly code?: string | undefined;
}

/**
 * The refusals of the last hour per minute and code, and the last ones in full. `filter` selects among the kept ones. A text
 * is any part of one: a Request-Id, the keyed hash of a viewer, a code, an asset, a country, a network (`AS64500`) or a player.
 */
export async function listRefusals(
  context: OperatorContext,
  filter?: string | RefusalFilter,
): Promise<Result<RefusalList, Refusal<"store_unavailable">>> {
  const gathered = await fromStore("the metrics object", context.gathered.refusals(), context);
  if (!gathered.ok) return gathered;
  const { minutes, recent } = gathered.value;
  const total: Record<string, number> = {};
  for (const { counts } of minutes)
    for (const [code, count] of Object.entries(counts)) total[code] = (total[code] ?? 0) + count;
  const found = filter === undefined ? recent : recent.filter((one) => isMatch(one, filter));
  return ok({ minutes, total, recent: found });
}

function isMatch(refused: RecentRefusal, filter: string | RefusalFilter): boolean {
  const { request, subject, code } = refused;
  if (typeof filter === "string")
    return (
      isSameRequest(request, filter) ||
      subject === filter ||
      code === filter ||
      groupings.some((by) => groupOf(by, refused) === filter)
    );
  return (
    (filter.request === undefined || isSameRequest(request, filter.request)) &&
    (filter.subject ?? subject) === subject &&
    (filter.code ?? code) === code &&
    groupings.every((by) => filter[by] === undefined || groupOf(by, refused) === filter[by])
  );
}

/** Cloudflare shows a Ray ID with the data centre (`9f1c2d3e4a5b6c7d-FRA`) in some places and without it in others. */
function isSameRequest(request: string, filter: string): boolean {
  const [withoutDataCentre = ""] = request.split("-", 1);
  return filter === request || filter === withoutDataCentre;
}
