import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { Clock } from "../base/seconds.ts";
import { readBearerToken } from "./bearer.ts";
import type { Credential } from "./credential.ts";
import type { Presented } from "./presented.ts";
import { type TrustedIssuer, verifyJwt } from "./verify-jwt.ts";

/**
 * The credential of one request. Reading it and validating it are two things: what was presented is known at once and
 * believed by nobody; whether it holds may take a question to somebody else, and is asked once a request, however many
 * parts of it ask, at the same time or later.
 */
export interface RequestCredential {
  read(): Result<Presented, Refusal>;
  validate(): Promise<Result<Credential, Refusal>>;
  /** Forgets the answer, here and in what is kept between requests: who asks next sees a user as he is by then. */
  invalidate(): void;
}

/** What of a request its credential is read from. */
export interface CredentialAsked {
  readonly method: string;
  /** The whole address as it was asked for: DPoP's `htu`, and a token in its query is refused. */
  readonly url: string;
  readonly headers: Pick<Headers, "get">;
  readonly body: string | undefined;
}

/** What credentials are validated with, made once an isolate. */
export interface CredentialSources {
  readonly issuers: readonly TrustedIssuer[];
  readonly clock: Clock;
}

/** The credential of a request. */
export function credentialOf({ headers }: CredentialAsked, { issuers, clock }: CredentialSources): RequestCredential {
  let answer: Promise<Result<Credential, Refusal>> | undefined;
  const read = (): Result<Presented, Refusal> => {
    const token = readBearerToken(headers.get("Authorization") ?? undefined);
    return token.ok ? { ok: true, value: { is: "bearer", token: token.value, form: "jws" } } : token;
  };
  const ask = async () => {
    const presented = read();
    if (!presented.ok) return presented;
    return presented.value.is === "cookie" ? presented : verifyJwt(presented.value.token, issuers, clock());
  };
  return {
    read,
    validate: () => {
      answer ??= ask() as Promise<Result<Credential, Refusal>>;
      return answer;
    },
    invalidate: () => {
      answer = undefined;
    },
  };
}
