import { readDecimal } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, seconds, type UnixSeconds } from "../base/time.ts";
import type { Ending, RefusalsOfHour, SessionsAsked, SessionsNow } from "../metrics/gathered.ts";
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

/**
 * The refusals of the last hour per minute and code, and the last ones in full. `filter` is a Request-Id, which selects
 * at most one of the kept refusals, or the keyed hash of a viewer, which selects all kept ones of that viewer.
 */
export async function listRefusals(
  context: OperatorContext,
  filter?: string,
): Promise<Result<RefusalList, Refusal<"store_unavailable">>> {
  const gathered = await fromStore("the metrics object", context.gathered.refusals(), context);
  if (!gathered.ok) return gathered;
  const { minutes, recent } = gathered.value;
  const total: Record<string, number> = {};
  for (const { counts } of minutes)
    for (const [code, count] of Object.entries(counts)) total[code] = (total[code] ?? 0) + count;
  const matches =
    filter === undefined
      ? recent
      : recent.filter(({ request, subject }) => isSameRequest(request, filter) || subject === filter);
  return ok({ minutes, total, recent: matches });
}

/** Cloudflare shows a Ray ID with the data centre (`9f1c2d3e4a5b6c7d-FRA`) in some places and without it in others. */
function isSameRequest(request: string, filter: string): boolean {
  const [withoutDataCentre = ""] = request.split("-", 1);
  return filter === request || filter === withoutDataCentre;
}
