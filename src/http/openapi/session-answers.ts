import * as z from "zod";
import type { OpenedSession } from "../../flows/session/open-session.ts";
import type { Revoked } from "../../flows/session/revoke.ts";
import type { ShownSession } from "../../flows/session/show-session.ts";

export const time = z.iso.datetime();
export const sessionId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}$/)
  .describe("The session's id; by itself it does nothing.");

/** The answer of a start and of a renewal. */
export const openedSession: z.ZodType<OpenedSession> = z.strictObject({
  sessionId,
  manifestUrl: z.url().describe("What the player loads: plain HLS, and nothing has to be added to it."),
  manifestExpiresAt: time.describe("Until when a player may begin with it. What it has begun goes on."),
  sessionExpiresAt: time.describe("Until when the session lasts, unless it is renewed or ended."),
  grant: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .describe("For the routes of the session, in the header CTA-Common-Access-Token."),
});

export const shownSession: z.ZodType<ShownSession> = z.strictObject({
  sessionId,
  asset: z.string().describe("The asset's id."),
  state: z
    .enum(["running", "idle", "revoked", "taken", "shared"])
    .describe("running: it holds a lease. idle: it was silent for longer. The others were ended before their time."),
  startedAt: time,
  lastSeenAt: time.exactOptional().describe("When it last asked for anything, as far as that was written down."),
  sessionExpiresAt: time,
  networks: z.int().min(0).exactOptional().describe("In how many networks it is alive now."),
});

export const revoked: z.ZodType<Revoked> = z.strictObject({
  revoked: z.enum(["session", "subject", "asset", "token", "login", "key"]).describe("What kind of thing it is."),
  until: time.exactOptional().describe("Until when the entry stands; left out where it was lifted."),
  known: z
    .literal(false)
    .exactOptional()
    .describe("False for an asset or a key that nobody knows: perhaps it was misspelt. It is revoked all the same."),
});
