import type { Credential } from "./credential.ts";

/** A token that its issuer gave out, and what it asks of who presents it. */
export interface VerifiedToken {
  readonly credential: Credential;
  /** `cnf.jkt`: the thumbprint (RFC 7638) of the key that the token is bound to (RFC 9449 §6.1). Whoever presents it proves that he holds that key, whatever `dpop` says. */
  readonly jkt: string | undefined;
  /** What its issuer is configured for: `required` takes no token that is not bound to a key. */
  readonly dpop: "optional" | "required";
}
