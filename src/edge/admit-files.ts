import { makeRoom } from "../base/bounded-map.ts";
import type { Refusal } from "../base/result.ts";
import { refusal } from "../base/result.ts";
import { after, inTime, seconds, type Timer, type UnixSeconds } from "../base/time.ts";
import type { Configuration } from "../config/configuration.ts";
import type { StreamsOf } from "../sessions/lease.ts";
import { endedBecause } from "../sessions/revocation-snapshot.ts";
import type { Grant } from "../signing/grant.ts";

interface LoginPorts extends Pick<Configuration, "storeFailure"> {
  readonly streams: StreamsOf;
  readonly timer: Timer;
  /** Called when the store does not respond and the viewer is admitted all the same. */
  readonly onFailure: (refusal: Refusal) => void;
}

/** An isolate's answers about logins. */
export type LoginAnswers = Map<string, { readonly signedOut: boolean; readonly until: UnixSeconds }>;

/** How long an answer is used: the time in which the log ends a session as well. */
const answerLife = seconds(2);
const mostAnswers = 10_000;

/** How long a request waits for the store. */
const storeTimeout = seconds(2);

/**
 * Admits a grant of `POST /files` while the revocation log leaves sign-outs out: the viewer's object knows whether they
 * signed out of the grant's login. All files of a login share one question in two seconds.
 */
export async function admitByLogin(
  { subject, login }: Pick<Grant, "subject" | "login">,
  now: UnixSeconds,
  answers: LoginAnswers,
  { streams, storeFailure, timer, onFailure }: LoginPorts,
): Promise<Refusal<"session_revoked" | "store_unavailable"> | undefined> {
  if (login === undefined) return undefined;
  const key = `${subject} ${login}`;
  let answer = answers.get(key);
  if (answer === undefined || answer.until <= now) {
    const asked = inTime(streams(subject).isSignedOut(login), storeTimeout, timer);
    const signedOut = await asked.catch(() => "late" as const);
    if (signedOut === "late") {
      const why = refusal("store_unavailable", "the viewer's lease store did not respond").refusal;
      if (storeFailure === "closed") return why;
      onFailure(why);
    }
    answer = { signedOut: signedOut === true, until: after(now, answerLife) };
    answers.delete(key);
    makeRoom(answers, mostAnswers);
    answers.set(key, answer);
  }
  return answer.signedOut ? endedBecause("revoked").refusal : undefined;
}
