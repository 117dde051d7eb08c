import type { Entitlement } from "../auth/entitlement.ts";
import type { QuotaStatus, RatePolicy, RememberedLimits } from "../auth/rate-limit.ts";
import type { CredentialSources, RequestCredential } from "../auth/request-credential.ts";
import type { TrustedIssuer } from "../auth/verify-jwt.ts";
import type { RandomBytes } from "../base/crypto.ts";
import { ok, type Refusal, type RefusalCode, type Result, refusal } from "../base/result.ts";
import { inTime, type Seconds, seconds, type Timer } from "../base/time.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import type { WaitUntil } from "../origin/fill-cache.ts";
import type { SessionKeys } from "../signing/session-keys.ts";
import type { Client } from "./client-network.ts";
import type { StreamsOf } from "./lease.ts";
import type { RevocationKind, RevocationLog } from "./revocation.ts";
import type { RevocationWatch } from "./revocation-watch.ts";

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
  readonly settings: SessionSettings;
}

/** The settings that decide about sessions: a part of the API worker's configuration. */
export interface SessionSettings {
  /** `iss` of the grants. */
  readonly grantIssuer: string;
  /** The address of the media host, without a slash at its end. */
  readonly mediaUrl: string;
  readonly manifestTtl: Seconds;
  readonly sessionTtl: Seconds;
  /** Undefined for any number. */
  readonly streamLimit: number | undefined;
  readonly storeFailure: "closed" | "open";
  /** Maximum age of a start's snapshot of the revocation log. */
  readonly revocationMaxAge: Seconds;
  /** Starts per subject, and per client address; undefined for any number, as in the rates below. */
  readonly startRate: RatePolicy | undefined;
  readonly startRateAddress: RatePolicy | undefined;
  /** Refused credentials per client address, at the routes of running sessions. */
  readonly refusedRateAddress: RatePolicy | undefined;
  /** Sign-in attempts per account, and sign-ins and sign-ups per network. */
  readonly signInRate: RatePolicy | undefined;
  readonly signInRateAddress: RatePolicy | undefined;
  /** Token requests of apps per network. */
  readonly tokenRateAddress: RatePolicy | undefined;
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
  readonly onQuotaStatus: (standing: QuotaStatus) => void;
  readonly waitUntil: WaitUntil;
}

/** Who acts as an operator, and from where. */
export interface Acting {
  /** The name in the operator's credential. */
  readonly operator: string;
  readonly through: "route" | "console";
}

/** What an operator did, or tried to, for the log. It contains no secret. */
export interface OperatorAct extends Acting {
  readonly act: "revoke" | "lift" | "put" | "remove";
  readonly kind: RevocationKind;
  /** A session's or an asset's id, or a kid; of a viewer, a token or a login a hash. */
  readonly id: string;
  /** `done`, or why it was not, or not as a whole. */
  readonly outcome: "done" | RefusalCode;
}

/** How long a viewer waits for a store. */
const storeTimeout = seconds(5);

/**
 * What a store answers, or `store_unavailable` where it does not in time: our own failure, which no viewer's credential is
 * at fault for. `what` names it for the log.
 */
export async function fromStore<Answer>(
  what: string,
  asked: Promise<Answer>,
  { timer }: Pick<SessionContext, "timer">,
): Promise<Result<Answer, Refusal>> {
  try {
    const answer = await inTime(asked, storeTimeout, timer);
    if (answer !== "late") return ok(answer);
  } catch {
    // It failed, which is as good as no answer.
  }
  return refusal("store_unavailable", `${what} did not answer`);
}
