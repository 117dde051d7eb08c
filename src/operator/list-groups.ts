import * as z from "zod";
import { ok, type Refusal, type Result } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import { causeOf } from "../http/cause.ts";
import type { RouteTable } from "../http/route.ts";
import { type Cause, type Group, type GroupBy, groupings } from "../metrics/gathered.ts";
import { observedGroup } from "../metrics/group-counts.ts";
import { fromStore, type SessionRequest } from "../sessions/session-context.ts";
import { sumsOf } from "./counts.ts";
import { defaultListed, type ListPage, maxListed, readListLimit, readSkip, skipParameter } from "./list-sessions.ts";
import type { OperatorContext } from "./operator-context.ts";
import { type OperatorRoute, operatorRoute } from "./operator-route.ts";

/** A group with its refusals by whose fault they were. */
export interface GroupLine extends Group {
  readonly total: number;
  readonly causes: Readonly<Record<Cause, number>>;
  /** Requests that were served, because the asset is not enforced, per code. */
  readonly observed: Readonly<Record<string, number>>;
}

/**
 * The running sessions and the refusals of the last hour by asset, country, network or player; the group with the most
 * refusals first. `code` counts only the refusals with that code.
 */
export async function listGroups(
  by: GroupBy,
  context: OperatorContext,
  code?: string,
): Promise<Result<readonly GroupLine[], Refusal<"store_unavailable">>> {
  const groups = await fromStore("the metrics object", context.gathered.groups(by), context);
  if (!groups.ok) return groups;
  const lines = groups.value.map((group) => lineOf(group, code));
  return ok(lines.toSorted((a, b) => b.total - a.total || b.watching - a.watching || (a.value < b.value ? -1 : 1)));
}

function lineOf({ value, watching, refused }: Group, code: string | undefined): GroupLine {
  const observed: Record<string, number> = {};
  const counted: Record<string, number> = {};
  for (const [name, count] of Object.entries(refused)) {
    const isObserved = name.startsWith(observedGroup);
    const own = isObserved ? name.slice(observedGroup.length) : name;
    if (code === undefined || own === code) (isObserved ? observed : counted)[own] = count;
  }
  const causes = { ours: 0, origin: 0, provider: 0, viewer: 0 };
  for (const [name, count] of Object.entries(counted)) causes[causeOf(name)] += count;
  const total = Object.values(causes).reduce((sum, count) => sum + count, 0);
  return { value, watching, refused: counted, total, causes, observed };
}

const count = z.int().min(0);

const groupListSchema: z.ZodType<ReturnType<typeof groupListJson>> = z.strictObject({
  at: z.iso.datetime(),
  by: z.enum(groupings),
  count: count.describe("How many groups there are, on all pages."),
  groups: z
    .array(
      z.strictObject({
        value: z
          .string()
          .describe(
            "An asset's id, a country, a network (AS64500), a player's family; unknown, or other beyond the limit.",
          ),
        watching: count.describe("Running sessions."),
        refused: count.describe("Refused requests of the last hour, to the nearest ten minutes."),
        causes: z
          .strictObject({ ours: count, origin: count, provider: count, viewer: count })
          .describe("By whose fault it was: this service's, the origin's, the provider's, or the viewers'."),
        codes: z.record(z.string(), count).describe("The refusals per code, the most frequent first."),
        observed: z
          .record(z.string(), count)
          .describe(
            "Requests that were served because their asset is in observe or off, by the code that would have refused them.",
          ),
      }),
    )
    .describe("The group with the most refusals first."),
});

function groupListJson(by: GroupBy, all: readonly GroupLine[], { skip, limit }: ListPage, now: UnixSeconds) {
  return {
    at: rfc3339(now),
    by,
    count: all.length,
    groups: all.slice(skip, skip + limit).map(({ value, watching, total, causes, refused, observed }) => {
      const codes = Object.fromEntries(sumsOf([refused]));
      return {
        value,
        watching,
        refused: total,
        causes: { ...causes },
        codes,
        observed: Object.fromEntries(sumsOf([observed])),
      };
    }),
  };
}

/** The route of the list. */
export const groupRoutes: RouteTable<OperatorRoute> = {
  "/operator/breakdown": {
    GET: operatorRoute({
      id: "breakdown",
      tag: "Operators",
      summary: "Group sessions and refusals",
      description:
        "Running sessions, and all refusals of the last hour, by asset, country, network or player. Each grouping has room for " +
        "2,000 pairs of value and code in ten minutes; what is beyond counts as `other`.",
      access: ["operator:read"],
      parameters: [
        {
          name: "by",
          in: "query",
          description: "What to group by. `asn` is the client's network, where the platform tells it.",
          schema: { type: "string", enum: [...groupings], default: "asset" },
        },
        { name: "code", in: "query", description: "Only refusals with this code.", schema: { type: "string" } },
        {
          name: "limit",
          in: "query",
          description: "Maximum number of groups in the response.",
          schema: { type: "integer", minimum: 1, maximum: maxListed, default: defaultListed },
        },
        skipParameter,
      ],
      response: {
        status: 200,
        description: "A page of the groups.",
        body: { name: "Breakdown", schema: groupListSchema },
      },
      refusals: [],
      run: showGroups,
    }),
  },
};

async function showGroups({ query }: SessionRequest, context: OperatorContext) {
  const limit = readListLimit(query.get("limit") || undefined);
  if (!limit.ok) return limit;
  const skip = readSkip(query.get("skip") || undefined);
  if (!skip.ok) return skip;
  const by = groupings.find((one) => one === query.get("by")) ?? "asset";
  const groups = await listGroups(by, context, query.get("code") || undefined);
  if (!groups.ok) return groups;
  return ok(groupListJson(by, groups.value, { skip: skip.value, limit: limit.value }, context.clock()));
}
