import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { Credential } from "./credential.ts";
import type { Proof } from "./dpop.ts";
import type { BeforeAsking } from "./introspection.ts";
import type { Presented } from "./presented.ts";
import { type CredentialAsked, readPresented } from "./read-presented.ts";
import { type CredentialSources, kindOf, validatePresented } from "./validate-presented.ts";
import { forgetToken } from "./verify-token.ts";

/**
 * The credential of one request. Reading it and validating it are two things: what was presented is known at once and
 * believed by nobody; whether it holds may take a question to somebody else, and is asked once a request, however many
 * parts of it ask, at the same time or later.
 */
export interface RequestCredential {
  read(): Result<Presented, Refusal>;
  /** `before` is called before somebody else is asked; what it refuses, the credential is refused for. */
  validate(before?: BeforeAsking): Promise<Result<Credential, Refusal>>;
  /** Forgets the answer, here and in what is kept between requests: who asks next sees a user as he is by then. */
  invalidate(): void;
}

/** The credential of a request. */
export function credentialOf(asked: CredentialAsked, sources: CredentialSources): RequestCredential {
  let presented: Result<Presented, Refusal> | undefined;
  let answer: Promise<Result<Credential, Refusal>> | undefined;
  let firstUse: Promise<boolean> | undefined;
  const read = () => {
    presented ??= readPresented(asked, sources.identity !== undefined);
    return presented;
  };
  // A proof that is looked at again, after the answer was forgotten, is this request's own and no replay.
  const once = ({ jkt, jti, until }: Proof) => {
    firstUse ??= sources.proofs.firstUse(jkt, jti, until);
    return firstUse;
  };
  const validate = async (before?: BeforeAsking) => {
    const found = read();
    const validated = found.ok ? await validatePresented(found.value, asked, sources, once, before) : found;
    const by = found.ok ? kindOf(found.value, sources) : "none";
    sources.telemetry({ event: "validated", by, outcome: validated.ok ? "accepted" : validated.refusal.code });
    return validated;
  };
  return {
    read,
    validate: (before) => {
      answer ??= validate(before);
      return answer;
    },
    invalidate: () => {
      answer = undefined;
      const found = read();
      if (found.ok && found.value.is !== "cookie") forgetToken(found.value.token, sources);
    },
  };
}
