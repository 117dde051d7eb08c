import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { RefusalsOfHour } from "../../telemetry/gathered.ts";
import { fromStore } from "../session/store-failure.ts";
import type { OperatorContext } from "./context.ts";

export interface RefusalsTold extends RefusalsOfHour {
  /** How many there were of each code in the whole hour. */
  readonly total: Readonly<Record<string, number>>;
}

/**
 * What was refused in the last hour by minute and code, and the last ones one by one. With a Request-Id, as a viewer reads it
 * off an answer, `recent` holds the one refusal of it, or nothing where it is not kept (any more); with the keyed hash of a viewer
 * all that are kept of his. `store_unavailable`.
 */
export async function refusalsOfHour(
  context: OperatorContext,
  wanted?: string,
): Promise<Result<RefusalsTold, Refusal>> {
  const gathered = await fromStore("what gathers the refusals", context.gathered.refusals(), context);
  if (!gathered.ok) return gathered;
  const { minutes, recent } = gathered.value;
  const total: Record<string, number> = {};
  for (const { counts } of minutes)
    for (const [code, count] of Object.entries(counts)) total[code] = (total[code] ?? 0) + count;
  const found =
    wanted === undefined ? recent : recent.filter((one) => isOf(one.request, wanted) || one.subject === wanted);
  return ok({ minutes, total, recent: found });
}

/** Cloudflare writes a Ray ID with the data centre behind it in some places, and without it in others. */
function isOf(request: string, asked: string): boolean {
  const [own = ""] = request.split("-", 1);
  return asked === request || asked === own;
}
