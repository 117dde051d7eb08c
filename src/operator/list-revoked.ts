import * as z from "zod";
import { ok, type Refusal, type Result } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import type { RouteTable } from "../http/route.ts";
import { blackoutName, blackoutOf, type RevokedKind, revokedKinds } from "../sessions/blackout.ts";
import { never, operatorEntries } from "../sessions/revoke.ts";
import type { SessionRequest } from "../sessions/session-context.ts";
import { defaultListed, type ListPage, maxListed, readListLimit, readSkip, skipParameter } from "./list-sessions.ts";
import type { OperatorContext } from "./operator-context.ts";
import { type OperatorRoute, operatorRoute } from "./operator-route.ts";

/** A revocation that an operator made and that is valid now. */
export interface Revoked {
  readonly kind: RevokedKind;
  /** A session id, an asset id or a kid; for a viewer, token or login a digest; for a blackout `<asset>:<place>`. */
  readonly value: string;
  /** When it was made; of a viewer, up to when sessions and tokens are refused. */
  readonly at: UnixSeconds;
  readonly until: UnixSeconds;
  /** Undefined for an entry of an earlier release. */
  readonly author?: string | undefined;
  readonly reason?: string | undefined;
}

/**
 * What operators have revoked, the last made first. A viewer or token is revoked by several entries, and is listed once. What
 * viewers end themselves is not in the list.
 */
export async function listRevoked(
  context: OperatorContext,
  kind?: RevokedKind,
): Promise<Result<readonly Revoked[], Refusal<"store_unavailable">>> {
  const entries = await operatorEntries(context);
  if (!entries.ok) return entries;
  const listed = entries.value
    .filter((entry) => entry.note?.of === undefined)
    .map((entry): Revoked => {
      const { kind, value, at, until, note } = entry;
      const { author, reason } = note ?? {};
      const blackout = blackoutOf(entry);
      const named =
        blackout === undefined ? { kind, value } : ({ kind: "blackout", value: blackoutName(blackout) } as const);
      return { ...named, at, until, ...(author && { author }), ...(reason !== undefined && { reason }) };
    })
    .filter((entry) => kind === undefined || entry.kind === kind);
  return ok(listed.toSorted((one, other) => other.at - one.at));
}

const time = z.iso.datetime();

const revokedListSchema: z.ZodType<ReturnType<typeof revokedListJson>> = z.strictObject({
  at: time,
  count: z.int().describe("How many there are, on all pages."),
  revocations: z
    .array(
      z.strictObject({
        kind: z.enum(revokedKinds),
        value: z
          .string()
          .describe(
            "A session's or asset's id or a kid; for a viewer, token or login a digest of its name; for a blackout <asset>:<place>.",
          ),
        at: time.describe("When it was made. Of a viewer: sessions and tokens up to then are refused."),
        until: time.nullable().describe("null: until it is lifted."),
        author: z.string().exactOptional().describe("The operator who made it; missing for one of an earlier release."),
        reason: z.string().exactOptional(),
      }),
    )
    .describe("The last made first."),
});

/** A page of the list. */
function revokedListJson(all: readonly Revoked[], { skip, limit }: ListPage, now: UnixSeconds) {
  return {
    at: rfc3339(now),
    count: all.length,
    revocations: all.slice(skip, skip + limit).map(({ kind, value, at, until, author, reason }) => ({
      ...{ kind, value, at: rfc3339(at), until: until >= never ? null : rfc3339(until) },
      ...(author !== undefined && { author }),
      ...(reason !== undefined && { reason }),
    })),
  };
}

/** The route of the list. */
export const revokedRoutes: RouteTable<OperatorRoute> = {
  "/operator/revoked": {
    GET: operatorRoute({
      id: "listRevoked",
      tag: "Operators",
      summary: "List what is revoked",
      description:
        "What operators have revoked and what is valid now, each with its author and reason. Undo one with `POST " +
        '/operator/revocations` and `{"entry": {"kind": …, "value": …}, "lift": true}`. Viewers and tokens have digests ' +
        "of their names. Sessions that viewers end themselves are not in the list.",
      access: ["operator:read"],
      parameters: [
        {
          name: "kind",
          in: "query",
          description: "Only revocations of this kind.",
          schema: { type: "string", enum: [...revokedKinds] },
        },
        {
          name: "limit",
          in: "query",
          description: "Maximum number of revocations in the response.",
          schema: { type: "integer", minimum: 1, maximum: maxListed, default: defaultListed },
        },
        skipParameter,
      ],
      response: {
        status: 200,
        description: "A page of the list.",
        body: { name: "RevokedList", schema: revokedListSchema },
      },
      refusals: [],
      run: showRevoked,
    }),
  },
};

async function showRevoked({ query }: SessionRequest, context: OperatorContext) {
  const limit = readListLimit(query.get("limit") || undefined);
  if (!limit.ok) return limit;
  const skip = readSkip(query.get("skip") || undefined);
  if (!skip.ok) return skip;
  const kind = revokedKinds.find((one) => one === query.get("kind"));
  const revoked = await listRevoked(context, kind);
  return revoked.ok
    ? ok(revokedListJson(revoked.value, { skip: skip.value, limit: limit.value }, context.clock()))
    : revoked;
}
