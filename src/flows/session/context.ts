import type { RandomBytes } from "../../base/random.ts";
import type { Refusal } from "../../base/refusal.ts";
import type { Result } from "../../base/result.ts";
import type { Clock, Seconds, Timer } from "../../base/seconds.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import type { TrustedIssuer } from "../../credential/verify-jwt.ts";
import type { StreamsOf } from "../../sessions/lease.ts";
import type { RevocationLog } from "../../sessions/revocation.ts";
import type { RevocationWatch } from "../../sessions/revocation-watch.ts";
import type { SessionKeys } from "../../signing/session-keys.ts";
import type { Client } from "../client.ts";
import type { WaitUntil } from "../fill-cache.ts";

/** Nobody needs to read more bytes of a body than these. */
export const longestBody = 4096;

/** What every route of the API works with, made once an isolate. */
export interface SessionContext {
  readonly issuers: readonly TrustedIssuer[];
  readonly catalog: () => Promise<Result<Catalog, Refusal>>;
  readonly keys: SessionKeys;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly random: RandomBytes;
  readonly revocations: RevocationWatch;
  readonly log: RevocationLog;
  readonly streams: StreamsOf;
  /** Told of a store that did not answer where the viewer is let in all the same. */
  readonly onFailure: (refusal: Refusal) => void;
  readonly settings: {
    /** `iss` of the grants. */
    readonly grantIssuer: string;
    /** Where the media host stands, without a slash at its end. */
    readonly mediaUrl: string;
    readonly manifestTtl: Seconds;
    readonly sessionTtl: Seconds;
    readonly streamLimit: number | undefined;
    readonly storeFailure: "closed" | "open";
    /** How old a start's knowledge of what is forbidden may be. */
    readonly revocationMaxAge: Seconds;
  };
}

/** A request to the API, as far as its routes look at one. */
export interface SessionRequest {
  readonly authorization: string | undefined;
  /** The header CTA-Common-Access-Token (CTA-5007): the session's grant. */
  readonly grant: string | undefined;
  /** The session's id, where the path names one. */
  readonly sessionId: string;
  /** Undefined where it is longer than {@link longestBody}. */
  readonly body: string | undefined;
  readonly client: Client;
  readonly waitUntil: WaitUntil;
}
