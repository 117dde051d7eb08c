import type { UnixSeconds } from "../base/seconds.ts";

/** Who asks, as far as a verified credential says. */
export interface Credential {
  readonly issuer: string;
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
  /** The ids of the assets that the credential names, or `"*"` for all of the catalog. */
  readonly assets: ReadonlySet<string> | "*";
  readonly expiresAt: UnixSeconds;
  /** `iat`, where the token has one. */
  readonly issuedAt: UnixSeconds | undefined;
  /** `jti`, where the token has one: unique at its issuer. */
  readonly tokenId: string | undefined;
  /** Whether its issuer vouches for operators. */
  readonly operator: boolean;
  /** How many streams the viewer may run at once, where the token says so. */
  readonly streams: number | undefined;
}
