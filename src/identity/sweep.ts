import { betterAuth } from "better-auth";
import { type IdentityParts, identityOptions } from "./options.ts";

/** What has an end, and is of no use to anybody behind it. */
const models = ["oauthAccessToken", "oauthRefreshToken", "verification", "session"];

/**
 * Deletes what has ended by itself: a rotated refresh token is kept until then, since only a token that is known can be told
 * from one that is used again.
 */
export async function sweepEnded(parts: IdentityParts): Promise<void> {
  const { adapter } = await betterAuth(identityOptions(parts)).$context;
  for (const model of models)
    await adapter.deleteMany({ model, where: [{ field: "expiresAt", operator: "lt", value: new Date() }] });
}
