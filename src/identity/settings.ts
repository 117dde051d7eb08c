import type { Seconds } from "../base/seconds.ts";
import type { OAuthClient } from "./client.ts";

/** What the identity worker is configured with. */
export interface IdentitySettings {
  /** The API's own address, behind which the worker stands: `iss` and `aud` of its tokens, and where its routes lie. */
  readonly apiUrl: string;
  /** Other sites that may use the session cookie, as patterns. */
  readonly origins: readonly string[];
  /** Signs session cookies and encrypts the private keys of the JWKS. */
  readonly secret: string;
  /** How long a session lasts without use. */
  readonly idle: Seconds;
  /** How long a JWT lasts. */
  readonly accessTtl: Seconds;
  /** How long a refresh token lasts without use. */
  readonly refreshTtl: Seconds;
  /** How long the answer to a refresh may be asked for again. */
  readonly refreshGrace: Seconds;
  /** Whether a session token as bearer needs the signature that `set-auth-token` has. */
  readonly bearerSignature: "required" | "optional";
  readonly clients: readonly OAuthClient[];
  /** What a new user may open, as `assets` of their row holds it. */
  readonly assets: string;
  /** Whether anybody may make an account. */
  readonly signUp: "closed" | "open";
}
