import { betterAuth } from "better-auth";
import { afterlife } from "./end-session.ts";
import { type IdentityParts, identityOptions } from "./options.ts";

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
