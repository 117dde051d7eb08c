import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/seconds.ts";

/** Who wants to play what, and from where, as the operator's service is asked. */
export interface EntitlementAsked {
  readonly issuer: string;
  readonly subject: string;
  readonly asset: string;
  /** The client's IP address, undefined where it is not known. */
  readonly address: string | undefined;
  /** ISO 3166-1 alpha-2, undefined where it is not known. */
  readonly country: string | undefined;
}

/** What the service allows. */
export interface Entitled {
  /** How many streams the viewer may run at once, in place of what his token says. */
  readonly streams: number | undefined;
  /** When the session ends at the latest. */
  readonly until: UnixSeconds | undefined;
}

/**
 * The port to the operator's own decision. `entitlement_refused`, and `store_unavailable` where the service gives no answer
 * that is understood: it fails closed whatever STAGEDOOR_STORE_FAILURE says. That is for our own stores, without which a
 * viewer is still known to be entitled; without this answer nobody knows it.
 */
export type Entitlement = (asked: EntitlementAsked) => Promise<Result<Entitled, Refusal>>;
