import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { readAuthorization } from "./authorization.ts";
import type { Presented } from "./presented.ts";
import { readSessionCookie } from "./session-cookie.ts";
import { hasStrayToken } from "./stray-token.ts";
import { isJws } from "./token-form.ts";

/** What of a request its credential is read from. */
export interface CredentialAsked {
  readonly method: string;
  /** The whole address as it was asked for: DPoP's `htu`, and a token in its query is refused. */
  readonly url: string;
  readonly headers: Pick<Headers, "get">;
  readonly body: string | undefined;
}

const longestProof = 4096;

/**
 * What a request presents: a token in its Authorization header, or else the session cookie, where `cookies` says that there
 * is somebody to ask about it. A token that a client sends on purpose wins over a cookie that a browser adds by itself.
 *
 * `token_missing` where nothing of ours came, `token_invalid` for a token of no good form, `sign_in_required` for such a
 * cookie, `dpop_proof_invalid` for a DPoP token without a proof, and `request_invalid` for two credentials, for a token in
 * the query or the body (RFC 6750 §2, §3.1), and for what is malformed.
 */
export function readPresented(asked: CredentialAsked, cookies: boolean): Result<Presented, Refusal> {
  const { headers } = asked;
  if (hasStrayToken(asked.url, asked.body))
    return refusal(
      "request_invalid",
      "a token came in the query or the body: the Authorization header is its only place",
    );
  const authorization = readAuthorization(headers.get("Authorization"));
  if (!authorization.ok) return authorization;
  const found = authorization.value;
  if (found.is === "bearer") return ok({ is: "bearer", token: found.token, form: found.form });
  if (found.is === "dpop") {
    const proof = readProof(headers.get("DPoP"));
    return proof.ok ? ok({ is: "dpop", token: found.token, form: found.form, proof: proof.value }) : proof;
  }
  const cookie = cookies ? readSessionCookie(headers.get("Cookie")) : ok(undefined);
  if (!cookie.ok) return cookie;
  if (found.is === "foreign")
    return cookie.value === undefined
      ? refusal("token_missing", "the Authorization header is of another scheme")
      : // Whom the client wants to be is not known: it may well be somebody else than the browser is signed in as.
        refusal("request_invalid", "an Authorization header of another scheme came beside the session cookie");
  return cookie.value === undefined
    ? refusal("token_missing", "no credential came")
    : ok({ is: "cookie", cookie: cookie.value });
}

/** The header DPoP (RFC 9449 §4.3): one, and one JWS. */
function readProof(header: string | null): Result<string, Refusal> {
  if (header === null) return refusal("dpop_proof_invalid", "no header DPoP came with the token");
  const proof = header.trim();
  if (proof.includes(",")) return refusal("request_invalid", "more than one header DPoP came");
  if (proof.length > longestProof)
    return refusal("request_invalid", `the DPoP proof is longer than ${longestProof} characters`);
  return isJws(proof)
    ? ok(proof)
    : refusal("dpop_proof_invalid", "the DPoP proof is not three parts of canonical base64url");
}
