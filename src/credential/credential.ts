import type { UnixSeconds } from "../base/seconds.ts";

/** Who asks, as far as a verified credential says. */
export interface Credential {
  readonly issuer: string;
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
  /** The ids of the assets that the credential names, or `"*"` for all of the catalog. */
  readonly assets: ReadonlySet<string> | "*";
  readonly expiresAt: UnixSeconds;
}
