import { betterAuth } from "better-auth";
import * as z from "zod";
import { readJson, requestText } from "../base/body-text.ts";
import { type IdentityParts, identityOptions } from "./options.ts";
import { afterlife } from "./sign-out.ts";

/**
 * Beside `/api/auth`, which is all that the API hands on: only who is bound to this worker can ask for it, and the API does so
 * for operators alone.
 */
export const endSignInsPath = "/internal/end-sign-ins";

const longestBody = 4096;
const id = z.string().min(1).max(512);
const bodySchema = z.union([z.strictObject({ userId: id }), z.strictObject({ sessionId: id })]);

/**
 * Ends the sessions of sign-in of a user, or one, as sign-out does: 204, also where there were none; 400 for another body. It rejects where the
 * revocation log or the database does not answer.
 */
export async function endSignIns(request: Request, parts: IdentityParts): Promise<Response> {
  const text = await requestText(request, longestBody);
  const document = text.ok ? readJson(text.value) : text;
  const parsed = bodySchema.safeParse(document.ok ? document.value : undefined);
  if (!parsed.success) return new Response(null, { status: 400 });
  const which = parsed.data;
  const { adapter } = await betterAuth(identityOptions(parts)).$context;
  const where = "userId" in which ? { field: "userId", value: which.userId } : { field: "id", value: which.sessionId };
  await adapter.deleteMany({ model: "session", where: [where] });
  return new Response(null, { status: 204 });
}

/** What has an end, and is of no use to anybody behind it. */
const models = ["oauthAccessToken", "oauthRefreshToken", "verification"];

/**
 * Deletes what has ended by itself: a rotated refresh token is kept until then, since only a token that is known can be told
 * from one that is used again. A session is kept until nothing that it gave out is left either, so that who signs out late
 * still ends his film.
 */
export async function sweepEnded(parts: IdentityParts): Promise<void> {
  const { adapter } = await betterAuth(identityOptions(parts)).$context;
  const now = parts.clock();
  for (const model of models) await sweep(model, now);
  await sweep("session", now - afterlife(parts.settings.accessTtl));

  async function sweep(model: string, before: number): Promise<void> {
    const value = new Date(before * 1000);
    await adapter.deleteMany({ model, where: [{ field: "expiresAt", operator: "lt", value }] });
  }
}
