import { betterAuth } from "better-auth";
import * as z from "zod";
import { readJson, requestText } from "../base/body-text.ts";
import { type IdentityParts, identityOptions } from "./options.ts";
import { afterlife } from "./sign-out.ts";

const longestBody = 4096;
const id = z.string().min(1).max(512);
const bodySchema = z.union([z.strictObject({ userId: id }), z.strictObject({ sessionId: id })]);

/**
 * Ends one sign-in session or all of a user, as sign-out does. Responds 204, also if there were none, and 400 for an
 * invalid body. It rejects if the revocation log or the database does not answer.
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

const addressSchema = z.strictObject({ email: z.string().min(3).max(254) });

/** Responds 200 with the id of the user who has an e-mail address, or null; 400 for an invalid body. */
export async function findUser(request: Request, parts: IdentityParts): Promise<Response> {
  const text = await requestText(request, longestBody);
  const document = text.ok ? readJson(text.value) : text;
  const parsed = addressSchema.safeParse(document.ok ? document.value : undefined);
  if (!parsed.success) return new Response(null, { status: 400 });
  const { internalAdapter } = await betterAuth(identityOptions(parts)).$context;
  const found = await internalAdapter.findUserByEmail(parsed.data.email);
  return Response.json({ userId: found?.user.id ?? null });
}

/** Models whose rows are useless after their expiry. */
const models = ["oauthAccessToken", "oauthRefreshToken", "verification"];

/**
 * Deletes expired rows. A rotated refresh token is kept until its expiry, because only a known token can be recognized
 * as reused. A session is kept until everything that it issued has expired, so that a late sign-out still ends the
 * viewer's playback.
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
