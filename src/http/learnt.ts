import type { Credential } from "../credential/credential.ts";
import type { RequestCredential } from "../credential/request-credential.ts";
import type { SessionContext } from "../flows/session/context.ts";
import { subjectName } from "../flows/session/subject-name.ts";
import type { RateStanding } from "../limits/rate-limit.ts";

/** What is learnt of a request to the API while a flow answers it: for the answer's RateLimit fields, and for the log. */
export interface Learnt {
  readonly standings: readonly RateStanding[];
  /** The keyed hash of its subject, once its credential was accepted. */
  readonly subject: string | undefined;
}

export interface Learning {
  readonly learnt: () => Learnt;
  readonly onStanding: (standing: RateStanding) => void;
  /** The same credential, which tells whom it was accepted for. */
  readonly following: (credential: RequestCredential) => RequestCredential;
}

/** Nothing yet, and what comes. */
export function learning(context: Pick<SessionContext, "keys" | "clock">): Learning {
  const standings: RateStanding[] = [];
  let accepted: Credential | undefined;
  return {
    learnt: () => ({
      standings,
      // Made for those that ask: a request that succeeds is no line of the log.
      get subject() {
        return accepted && subjectName(accepted, context);
      },
    }),
    onStanding: (standing) => void standings.push(standing),
    following: (credential) => ({
      ...credential,
      validate: async (before) => {
        const validated = await credential.validate(before);
        if (validated.ok) accepted ??= validated.value;
        return validated;
      },
    }),
  };
}
