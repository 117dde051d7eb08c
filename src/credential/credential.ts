import type { UnixSeconds } from "../base/seconds.ts";

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
