import type { UnixSeconds } from "../base/time.ts";

/** Who asks, as far as a verified credential says. */
export interface Credential {
  readonly issuer: string;
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
  /** The ids of the assets that the credential names, or `"*"` for all of the catalog. */
  readonly assets: ReadonlySet<string> | "*";
  readonly expiresAt: UnixSeconds;
  /** `iat`, where the token has one. For a session of sign-in, when that was signed in to. */
  readonly issuedAt: UnixSeconds | undefined;
  /** `jti`, where the token has one: unique at its issuer. */
  readonly tokenId: string | undefined;
  /** `sid`, where the token has one: the session of sign-in at its issuer that it came from, which ends with sign-out. */
  readonly loginId: string | undefined;
  /** How many streams the viewer may run at once, where the token says so. */
  readonly streams: number | undefined;
}

/** A token that its issuer gave out, and what it asks of who presents it. */
export interface VerifiedToken {
  readonly credential: Credential;
  /** `cnf.jkt`: the thumbprint (RFC 7638) of the key that the token is bound to (RFC 9449 §6.1). Whoever presents it proves that he holds that key, whatever `dpop` says. */
  readonly jkt: string | undefined;
  /** What its issuer is configured for: `required` takes no token that is not bound to a key. */
  readonly dpop: "optional" | "required";
}

/** What a request presents: read, and not yet believed. */
export type Presented =
  /** RFC 6750 §2.1. `jws` where it has the form of a JWT; every other token is opaque. */
  | { readonly is: "bearer"; readonly token: string; readonly form: "jws" | "opaque" }
  /** RFC 9449 §7.1: a token that is bound to a key, and the proof that the sender holds it. */
  | { readonly is: "dpop"; readonly token: string; readonly form: "jws" | "opaque"; readonly proof: string }
  /** The session cookie that the browser adds by itself: its whole `name=value`. */
  | { readonly is: "cookie"; readonly cookie: string };

/** The port to what remembers DPoP proofs (RFC 9449 §11.1). It rejects where the store does not answer. */
export interface ProofReplay {
  /** Whether this proof is seen for the first time: true once for each `jti` of a key (`jkt`), until the proof is too old anyhow. */
  firstUse(jkt: string, jti: string, until: UnixSeconds): Promise<boolean>;
}
