import type { BetterAuthPlugin } from "better-auth";
import { APIError, createAuthMiddleware } from "better-auth/api";
import * as z from "zod";
import type { Seconds } from "../base/seconds.ts";
import { endFamily, familyOf, findRefreshRow, inGrace } from "./refresh-row.ts";
import { storedToken } from "./token-hash.ts";
import type { Turn } from "./turns.ts";
import { fromStore, unavailable } from "./unavailable.ts";

export interface RevokeParts {
  readonly refreshGrace: Seconds;
  readonly turn: Turn | undefined;
}

const bodySchema = z.object({ client_id: z.string(), token: z.string() });

/**
 * `POST /oauth2/revoke` (RFC 7009), in the library's place, which would end everything that a user has at a client where an old
 * token is named, and nothing but the one row where a live one is.
 *
 * A live refresh token, or one within its grace, is the sign-out of its device: the session of sign-in ends that its code came
 * from, as at `/sign-out`, and with it the family, its JWTs and its films; a browser that shares the session is signed out as
 * well. An older one ends its family alone. One that nobody knows is no error (§2.2). A JWT lasts for minutes and is not
 * revoked by itself: `unsupported_token_type` (§2.2.1).
 */
export function revokeToken({ refreshGrace, turn }: RevokeParts): BetterAuthPlugin {
  const handler = createAuthMiddleware(async (asked) => {
    const { adapter } = asked.context;
    const { client_id, token } = bodySchema.parse(asked.body);
    const where = [{ field: "clientId", value: client_id }];
    const client = await fromStore(() => adapter.findOne({ model: "oauthClient", where }));
    if (client === null) throw refused("invalid_client", "there is no such client_id");
    const row = await fromStore(async () => findRefreshRow(adapter, await storedToken(token)));
    if (row === undefined) {
      if (token.split(".").length === 3) throw refused("unsupported_token_type", "revoke its refresh token");
      return asked.json({});
    }
    if (row.clientId !== client_id) throw refused("invalid_grant", "it is another client's");
    // While a refresh is under way its successor would outlive this.
    if (turn === undefined || familyOf(row) !== turn.family) throw unavailable();
    const { sessionId } = row;
    if (typeof sessionId === "string" && (!row.revoked || inGrace(row, refreshGrace, turn.since)))
      await fromStore(() => adapter.deleteMany({ model: "session", where: [{ field: "id", value: sessionId }] }));
    await fromStore(() => endFamily(adapter, row));
    return asked.json({});
  });
  const matcher = ({ path }: { path?: string }) => path === "/oauth2/revoke";
  return { id: "stagedoor-revoke", hooks: { before: [{ matcher, handler }] } };
}

function refused(error: string, error_description: string): APIError {
  return new APIError("BAD_REQUEST", { error, error_description });
}
