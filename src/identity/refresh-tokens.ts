import type { BetterAuthPlugin } from "better-auth";
import { APIError, createAuthMiddleware } from "better-auth/api";
import * as z from "zod";
import { encodeBase64url } from "../base/encoding.ts";
import type { Seconds, UnixMilliseconds } from "../base/time.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import { fromStore, unavailable } from "./sign-out.ts";

export interface RefreshParts {
  /** The default resource (RFC 8707) of tokens, used if the client names none. */
  readonly resource: string;
  readonly refreshTtl: Seconds;
  readonly refreshGrace: Seconds;
  readonly telemetry: Telemetry;
  readonly turn: Turn | undefined;
}

/**
 * How many seconds the library's own grace is longer. Only the code here decides whether a token is within its grace:
 * the library's refusal would end all tokens of the user at that client, on their other devices too.
 */
export const libraryMargin = 300;

const refreshBodySchema = z.object({
  grant_type: z.string().optional(),
  refresh_token: z.string().optional(),
  resource: z.unknown().optional(),
});

const answerSchema = z.object({ refresh_token: z.string() });

/**
 * Rules for refresh tokens (RFC 9700 §4.14.2) around the library's own. A rotated token is answered with the same
 * successor during a grace period that begins at the rotation and is never prolonged. After that, its reuse ends its
 * family, which is one device. A token of a signed-out session is refused, and using a token prolongs its session.
 *
 * Refreshes of one family run one after another (`inTurn`), and one out of turn is refused: a rotation in progress
 * would look like an interrupted one. One instance serves one request.
 */
export function refreshFamilies(parts: RefreshParts): BetterAuthPlugin {
  const { resource, refreshTtl, refreshGrace, telemetry, turn } = parts;
  let again = false;
  const refused = () => {
    telemetry({ event: "refreshed", outcome: "refused" });
    return new APIError("BAD_REQUEST", { error: "invalid_grant", error_description: "the refresh token has expired" });
  };

  const before = createAuthMiddleware(async ({ body, context: { adapter } }) => {
    const { grant_type, refresh_token, resource: requestedResource } = refreshBodySchema.parse(body ?? {});
    // Without a resource the library would issue an opaque token without an audience.
    const context = requestedResource === undefined ? { context: { body: { resource: [resource] } } } : undefined;
    if (grant_type !== "refresh_token" || refresh_token === undefined) return context;
    const row = await findRefreshRow(adapter, await storedToken(refresh_token));
    if (row === undefined) return context;
    // A request with two tokens waited for the turn of one and would use the other.
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
    if (refreshBodySchema.safeParse(body).data?.grant_type === "refresh_token")
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

/** The columns of `oauthRefreshToken` that are used here. */
const rowSchema = z.object({
  id: z.string(),
  clientId: z.string(),
  sessionId: z.string().nullish(),
  /** The authorization code that the family's first token was issued for. Rotations keep it. */
  authorizationCodeId: z.string().nullish(),
  revoked: z.date().nullish(),
  /** In whole seconds, rounded down. */
  rotatedAt: z.date().nullish(),
  rotationReplayResponse: z.string().nullish(),
});

export type RefreshRow = z.infer<typeof rowSchema>;

interface Where {
  field: string;
  value: string | Date | null;
  operator?: "eq" | "ne" | "gte" | "lt";
}

/** The part of better-auth's database adapter that is used here. */
export interface TokenStore {
  findOne(query: { model: string; where: Where[] }): Promise<unknown>;
  deleteMany(query: { model: string; where: Where[] }): Promise<number>;
  updateMany(query: { model: string; where: Where[]; update: Record<string, unknown> }): Promise<unknown>;
}

const model = "oauthRefreshToken";

/** The row of a refresh token by its stored hash, or undefined. */
export async function findRefreshRow(store: TokenStore, token: string): Promise<RefreshRow | undefined> {
  const row = await store.findOne({ model, where: [{ field: "token", value: token }] });
  return row === null ? undefined : rowSchema.parse(row);
}

/**
 * Whether a rotated token is still accepted: for `grace` seconds after the rotation. Nothing prolongs that, because
 * `rotatedAt` is written once.
 */
function inGrace({ rotatedAt }: RefreshRow, grace: Seconds, at: UnixMilliseconds): boolean {
  // The stored time has no fraction of a second.
  return rotatedAt instanceof Date && at < rotatedAt.getTime() + (grace + 1) * 1000;
}

/** The id of a token's family: the code that its first token was issued for. */
export function familyOf({ id, authorizationCodeId }: RefreshRow): string {
  return authorizationCodeId ?? id;
}

/** Deletes a family: the tokens that descend from one code, and no others of the same user and client. */
async function endFamily(store: TokenStore, { id, authorizationCodeId }: RefreshRow): Promise<void> {
  const family: Where =
    typeof authorizationCodeId === "string"
      ? { field: "authorizationCodeId", value: authorizationCodeId }
      : { field: "id", value: id };
  if (family.field !== "id") await store.deleteMany({ model: "oauthAccessToken", where: [family] });
  await store.deleteMany({ model, where: [family] });
}

/**
 * Reverts a rotation that was interrupted before its response was stored: deletes the successor and makes the token
 * valid again. No client received the successor, except if only storing the response failed; then a retry with the old
 * token gets a new successor. Call it only when no rotation of the family is in progress.
 */
async function takeBackRotation(store: TokenStore, row: RefreshRow): Promise<void> {
  const { id, authorizationCodeId, rotatedAt } = row;
  if (typeof authorizationCodeId !== "string" || !rotatedAt) return;
  await store.deleteMany({
    model,
    where: [
      { field: "authorizationCodeId", value: authorizationCodeId },
      { field: "id", operator: "ne", value: id },
      { field: "createdAt", operator: "gte", value: rotatedAt },
    ],
  });
  await store.updateMany({
    model,
    where: [{ field: "id", value: id }],
    update: { revoked: null, rotatedAt: null, rotationReplayExpiresAt: null },
  });
}

/** Prolongs a session to at least `end`: the holder of its refresh token has asked to stay signed in that long. */
async function prolongSession(store: TokenStore, sessionId: string, end: Date): Promise<void> {
  await store.updateMany({
    model: "session",
    where: [
      { field: "id", value: sessionId },
      { field: "expiresAt", operator: "lt", value: end },
    ],
    update: { expiresAt: end },
  });
}

const sessionSchema = z.object({ expiresAt: z.date() });

/** Whether the session of a refresh token exists and has not expired. */
async function sessionLives(store: TokenStore, { sessionId }: RefreshRow): Promise<boolean> {
  if (typeof sessionId !== "string") return false;
  const row = await store.findOne({ model: "session", where: [{ field: "id", value: sessionId }] });
  return row !== null && sessionSchema.parse(row).expiresAt.getTime() > Date.now();
}

export interface RevokeParts {
  readonly refreshGrace: Seconds;
  readonly turn: Turn | undefined;
}

const revokeBodySchema = z.object({ client_id: z.string(), token: z.string() });

/**
 * `POST /oauth2/revoke` (RFC 7009). It replaces the library's route, which would end all of a user's tokens at a client
 * for an old token, and only one row for a valid one.
 *
 * Revoking a valid refresh token, or one within its grace, signs its device out: as at `/sign-out`, its sign-in session
 * ends with the family, its JWTs and its playback; a browser that shares the session is signed out as well. An older
 * token only ends its family. An unknown token is no error (§2.2). A JWT expires within minutes and cannot be revoked
 * by itself: `unsupported_token_type` (§2.2.1).
 */
export function revokeToken({ refreshGrace, turn }: RevokeParts): BetterAuthPlugin {
  const handler = createAuthMiddleware(async (request) => {
    const { adapter } = request.context;
    const { client_id, token } = revokeBodySchema.parse(request.body);
    const where = [{ field: "clientId", value: client_id }];
    const client = await fromStore(() => adapter.findOne({ model: "oauthClient", where }));
    if (client === null) throw refused("invalid_client", "there is no such client_id");
    const row = await fromStore(async () => findRefreshRow(adapter, await storedToken(token)));
    if (row === undefined) {
      if (token.split(".").length === 3) throw refused("unsupported_token_type", "revoke its refresh token");
      return request.json({});
    }
    if (row.clientId !== client_id) throw refused("invalid_grant", "it is another client's");
    // The successor of a refresh in progress would survive the revocation.
    if (turn === undefined || familyOf(row) !== turn.family) throw unavailable();
    const { sessionId } = row;
    if (typeof sessionId === "string" && (!row.revoked || inGrace(row, refreshGrace, turn.since)))
      await fromStore(() => adapter.deleteMany({ model: "session", where: [{ field: "id", value: sessionId }] }));
    await fromStore(() => endFamily(adapter, row));
    return request.json({});
  });
  const matcher = ({ path }: { path?: string }) => path === "/oauth2/revoke";
  return { id: "stagedoor-revoke", hooks: { before: [{ matcher, handler }] } };
}

function refused(error: string, error_description: string): APIError {
  return new APIError("BAD_REQUEST", { error, error_description });
}

/** The turn of a refresh or a revocation within its family. */
export interface Turn {
  readonly family: string;
  /**
   * The arrival time of the request. The grace is measured against it, so that waiting for other requests does not make
   * a request late.
   */
  readonly since: UnixMilliseconds;
}

/** The stored form of a refresh token or a code: the SHA-256 of its UTF-8 bytes in base64url. */
export async function storedToken(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return encodeBase64url(new Uint8Array(digest));
}
