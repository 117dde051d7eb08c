import * as z from "zod";
import type { UnixMilliseconds } from "../base/milliseconds.ts";
import type { Seconds } from "../base/seconds.ts";

/** A row of `oauthRefreshToken`, as far as it is looked at here. */
const rowSchema = z.object({
  id: z.string(),
  clientId: z.string(),
  sessionId: z.string().nullish(),
  /** The code that the first token of its family was given for; it stays the same from one rotation to the next. */
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
 * Whether a token that was traded in may be so again: for `grace` seconds from then, which nothing prolongs, since `rotatedAt`
 * is written once.
 */
export function inGrace({ rotatedAt }: RefreshRow, grace: Seconds, at: UnixMilliseconds): boolean {
  // It has no fraction of a second.
  return rotatedAt instanceof Date && at < rotatedAt.getTime() + (grace + 1) * 1000;
}

/** What names the family of a token: the code that its first token was given for. */
export function familyOf({ id, authorizationCodeId }: RefreshRow): string {
  return authorizationCodeId ?? id;
}

/** Deletes a family: the tokens that descend from one code, and no others of the same user and client. */
export async function endFamily(store: TokenStore, { id, authorizationCodeId }: RefreshRow): Promise<void> {
  const family: Where =
    typeof authorizationCodeId === "string"
      ? { field: "authorizationCodeId", value: authorizationCodeId }
      : { field: "id", value: id };
  if (family.field !== "id") await store.deleteMany({ model: "oauthAccessToken", where: [family] });
  await store.deleteMany({ model, where: [family] });
}

/**
 * Takes back a rotation that broke off before its answer was stored: the successor goes, and the token is live once more.
 * Nobody was given that successor, unless the answer went out while storing it alone had failed; then who asks again with the
 * old token gets a new one in its place. Only for who knows that no rotation of the family is under way.
 */
export async function takeBackRotation(store: TokenStore, row: RefreshRow): Promise<void> {
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

/** Lets a session live until `end` at least: who holds a refresh token of it has asked to stay signed in so long. */
export async function prolongSession(store: TokenStore, sessionId: string, end: Date): Promise<void> {
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

/** Whether the session that a refresh token came from lives still. */
export async function sessionLives(store: TokenStore, { sessionId }: RefreshRow): Promise<boolean> {
  if (typeof sessionId !== "string") return false;
  const row = await store.findOne({ model: "session", where: [{ field: "id", value: sessionId }] });
  return row !== null && sessionSchema.parse(row).expiresAt.getTime() > Date.now();
}
