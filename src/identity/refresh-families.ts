import type { BetterAuthPlugin } from "better-auth";
import { APIError, createAuthMiddleware } from "better-auth/api";
import * as z from "zod";
import type { Seconds } from "../base/seconds.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import {
  endFamily,
  familyOf,
  findRefreshRow,
  inGrace,
  prolongSession,
  sessionLives,
  takeBackRotation,
} from "./refresh-row.ts";
import { storedToken } from "./token-hash.ts";
import type { Turn } from "./turns.ts";

export interface RefreshParts {
  /** The one resource (RFC 8707) that tokens are for, where a client names none. */
  readonly resource: string;
  readonly refreshTtl: Seconds;
  readonly refreshGrace: Seconds;
  readonly telemetry: Telemetry;
  readonly turn: Turn | undefined;
}

/**
 * How much longer the library itself would answer again, in seconds. Whether a token is within its grace is decided here
 * alone: where the library decides, everything that a user has at a client ends, his other devices too.
 */
export const libraryMargin = 300;

const bodySchema = z.object({
  grant_type: z.string().optional(),
  refresh_token: z.string().optional(),
  resource: z.unknown().optional(),
});

const answerSchema = z.object({ refresh_token: z.string() });

/**
 * The rules of refresh tokens (RFC 9700 §4.14.2) around the library's own. A token that was traded in is answered again,
 * with the same successor, for a grace that begins with the rotation and nothing prolongs; after that it ends its family,
 * which is one device. A token whose session was signed out is refused, and the session of one that is used lives on.
 *
 * Refreshes of one family come here one after the other (`turns.ts`), and one that is out of its turn is refused: a rotation
 * that is under way would look to it like one that broke off. One instance serves one request.
 */
export function refreshFamilies(parts: RefreshParts): BetterAuthPlugin {
  const { resource, refreshTtl, refreshGrace, telemetry, turn } = parts;
  let again = false;
  const refused = () => {
    telemetry({ event: "refreshed", outcome: "refused" });
    return new APIError("BAD_REQUEST", { error: "invalid_grant", error_description: "the refresh token has ended" });
  };

  const before = createAuthMiddleware(async ({ body, context: { adapter } }) => {
    const { grant_type, refresh_token, resource: asked } = bodySchema.parse(body ?? {});
    // Without a resource the library would give out an opaque token for nobody.
    const context = asked === undefined ? { context: { body: { resource: [resource] } } } : undefined;
    if (grant_type !== "refresh_token" || refresh_token === undefined) return context;
    const row = await findRefreshRow(adapter, await storedToken(refresh_token));
    if (row === undefined) return context;
    // Whoever names two tokens waited for the turn of one and would use the other.
    if (turn === undefined || familyOf(row) !== turn.family)
      throw new APIError("BAD_REQUEST", { error: "invalid_request" });
    if (!(await sessionLives(adapter, row))) {
      await endFamily(adapter, row);
      throw refused();
    }
    if (!row.revoked) return context;
    if (!inGrace(row, refreshGrace, turn.since)) {
      await endFamily(adapter, row);
      telemetry({ event: "reused" });
      throw refused();
    }
    if (row.rotationReplayResponse) again = true;
    else await takeBackRotation(adapter, row);
    return context;
  });

  const after = createAuthMiddleware(async ({ body, context: { adapter, returned } }) => {
    const answer = answerSchema.safeParse(returned);
    if (bodySchema.safeParse(body).data?.grant_type === "refresh_token")
      telemetry({ event: "refreshed", outcome: answer.success ? (again ? "replayed" : "rotated") : "refused" });
    if (!answer.success) return;
    const row = await findRefreshRow(adapter, await storedToken(answer.data.refresh_token));
    if (typeof row?.sessionId !== "string") return;
    await prolongSession(adapter, row.sessionId, new Date(Date.now() + refreshTtl * 1000));
  });

  const matcher = ({ path }: { path?: string }) => path === "/oauth2/token";
  return {
    id: "stagedoor-refresh",
    hooks: { before: [{ matcher, handler: before }], after: [{ matcher, handler: after }] },
  };
}
