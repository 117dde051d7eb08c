import { betterAuth } from "better-auth";
import * as z from "zod";
import { readJson, requestText } from "../base/body-text.ts";
import { type IdentityParts, identityOptions } from "./options.ts";

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
