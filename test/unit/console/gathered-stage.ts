import { after, seconds, unixSeconds } from "../../../src/base/time.ts";
import type {
  LiveSession,
  MinuteCounts,
  RecentRefusal,
  RefusalsOfHour,
  SessionsAsked,
} from "../../../src/metrics/gathered.ts";
import { noOutcomes } from "../../../src/metrics/last-hour.ts";
import { now } from "../signing/session.ts";
import { consoleStage } from "./console-stage.ts";

export const session = (changes: Partial<LiveSession> = {}): LiveSession => ({
  sessionId: "s".repeat(22),
  assetId: "film",
  subject: "c3ViamVjdA",
  country: "DE",
  startedAt: unixSeconds(now - 120),
  seenAt: now,
  expiresAt: after(now, seconds(3600)),
  ...changes,
});

export const refused = (changes: Partial<RecentRefusal> = {}): RecentRefusal => ({
  at: now,
  worker: "edge",
  code: "signature_expired",
  reason: "the signature has expired",
  request: "0123456789abcdef",
  ...changes,
});

/** A stage with a signed-in operator and these sessions and refusals. */
export async function withGathered(
  { sessions = [], hour }: { readonly sessions?: readonly LiveSession[]; readonly hour?: RefusalsOfHour } = {},
  claims: Readonly<Record<string, unknown>> = {},
) {
  const stage = await consoleStage();
  const cookie = await stage.signIn(claims);
  const gathered = {
    ...stage.gathered,
    sessions: async ({ name }: SessionsAsked) => {
      const matches = sessions.filter((one) => name === undefined || one.assetId === name);
      return { count: matches.length, sessions: matches };
    },
    refusals: async () => hour ?? hourOf([]),
  };
  const context = { ...stage.context, gathered };
  const post = (path: string, fields: Readonly<Record<string, string>>, operatorContext = context) =>
    stage.post(path, fields, { Cookie: cookie }, operatorContext);
  return { ...stage, context, post, text: async (path: string) => (await stage.look(path, cookie, context)).text() };
}

export function hourOf(
  recent: readonly RecentRefusal[],
  lately: Readonly<Record<string, number>> = {},
  viewers: Partial<MinuteCounts["viewers"]> = {},
): RefusalsOfHour {
  const minutes = Array.from({ length: 60 }, (_, place) => ({
    at: unixSeconds(now - (59 - place) * 60),
    counts: place === 59 ? lately : {},
    viewers: { start: noOutcomes, media: noOutcomes, ...(place === 59 && viewers) },
  }));
  return { minutes, recent };
}
