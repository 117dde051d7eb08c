import type { RandomBytes } from "../../base/random.ts";
import type { Refusal } from "../../base/refusal.ts";
import type { Result } from "../../base/result.ts";
import type { Seconds, Timer } from "../../base/seconds.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import type { RequestCredential } from "../../credential/request-credential.ts";
import type { CredentialSources } from "../../credential/validate-presented.ts";
import type { TrustedIssuer } from "../../credential/verify-jwt.ts";
import type { RatePolicy, RateStanding } from "../../limits/rate-limit.ts";
import type { RememberedLimits } from "../../limits/remember-spent.ts";
import type { Entitlement } from "../../policy/entitlement.ts";
import type { StreamsOf } from "../../sessions/lease.ts";
import type { RevocationLog } from "../../sessions/revocation.ts";
import type { RevocationWatch } from "../../sessions/revocation-watch.ts";
import type { SessionKeys } from "../../signing/session-keys.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { Client } from "../client.ts";
import type { WaitUntil } from "../fill-cache.ts";
import type { OperatorAct } from "./operator-act.ts";

/** Maximum size of a request body, in bytes. */
export const longestBody = 4096;

/** What every route of the API works with, made once an isolate. */
export interface SessionContext extends CredentialSources {
  /** Who vouches for operators: never an issuer of viewers. */
  readonly operators: readonly TrustedIssuer[];
  readonly catalog: () => Promise<Result<Catalog, Refusal>>;
  readonly keys: SessionKeys;
  readonly timer: Timer;
  readonly random: RandomBytes;
  readonly revocations: RevocationWatch;
  readonly log: RevocationLog;
  readonly streams: StreamsOf;
  readonly limits: RememberedLimits;
  /** The operator's own decision about each start, where there is one. */
  readonly entitlement: Entitlement | undefined;
  readonly telemetry: Telemetry;
  /** Told of a store that did not answer where the viewer is let in all the same. */
  readonly onFailure: (refusal: Refusal) => void;
  /** Told of what operators do, for the log. */
  readonly onAct?: (act: OperatorAct) => void;
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
    /** How many starts a subject and a network may ask for; undefined for any number. */
    readonly startRate: RatePolicy | undefined;
    readonly startRateAddress: RatePolicy | undefined;
    /** How many credentials a network may send that are refused, to the routes of sessions that run. */
    readonly refusedRateAddress: RatePolicy | undefined;
    /** The same for attempts to sign in to one account, and to sign in or up from a network. */
    readonly signInRate: RatePolicy | undefined;
    readonly signInRateAddress: RatePolicy | undefined;
    /** And for the tokens that apps ask for. */
    readonly tokenRateAddress: RatePolicy | undefined;
  };
}

/** A request to the API, as far as its routes look at one. */
export interface SessionRequest {
  readonly credential: RequestCredential;
  /** The header CTA-Common-Access-Token (CTA-5007): the session's grant. */
  readonly grant: string | undefined;
  /** The session's id, or an asset's, where the path names one. */
  readonly id: string;
  readonly query: URLSearchParams;
  /** At most {@link longestBody} bytes, unless its route says otherwise; the shell refuses a longer one, and one that broke off. */
  readonly body: string;
  readonly client: Client;
  /** The header Origin, where a browser sent it. */
  readonly origin: string | undefined;
  /** Where the client is: ISO 3166-1 alpha-2 in upper case, as the CDN in front says. */
  readonly country: string | undefined;
  /** Told of each rate limit that the request was counted by, for the answer's RateLimit fields. */
  readonly onStanding: (standing: RateStanding) => void;
  readonly waitUntil: WaitUntil;
}
