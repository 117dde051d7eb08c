import type { Credential } from "../auth/credential.ts";
import type { Entitlement } from "../auth/entitlement.ts";
import type { QuotaStatus, RatePolicy, RememberedLimits } from "../auth/rate-limit.ts";
import type { CredentialSources, RequestCredential } from "../auth/request-credential.ts";
import type { TrustedIssuer } from "../auth/verify-jwt.ts";
import type { RandomBytes } from "../base/crypto.ts";
import { ok, type Refusal, type RefusalCode, type Result, refusal } from "../base/result.ts";
import { inTime, type Seconds, seconds, type Timer, type WaitUntil } from "../base/time.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CatalogUnavailable } from "../catalog/catalog-source.ts";
import type { RequestSource } from "../catalog/conditions.ts";
import type { Enforcement } from "../catalog/enforcement.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import type { SessionKeys } from "../signing/session-keys.ts";
import type { RevokedKind } from "./blackout.ts";
import type { Client } from "./client-network.ts";
import type { StreamsOf } from "./lease.ts";
import type { RevocationLog } from "./revocation.ts";
import type { RevocationWatch } from "./revocation-watch.ts";

/** Maximum size of a request body, in bytes. */
export const longestBody = 4096;

/** The dependencies of the API's routes, created once per isolate. */
export interface SessionContext extends CredentialSources {
  /** The issuers of operator tokens: never issuers of viewers. */
  readonly operators: readonly TrustedIssuer[];
  /** The issuers of backends' credentials: never issuers of viewers. */
  readonly backends: readonly TrustedIssuer[];
  readonly catalog: () => Promise<Result<Catalog, CatalogUnavailable>>;
  readonly keys: SessionKeys;
  /** The keys of CloudFront's function, for grants of assets there only: nothing else is signed or named with them. */
  readonly edgeKeys?: SessionKeys | undefined;
  readonly timer: Timer;
  readonly random: RandomBytes;
  readonly revocations: RevocationWatch;
  readonly log: RevocationLog;
  readonly streams: StreamsOf;
  readonly limits: RememberedLimits;
  /** The operator's entitlement service; undefined if there is none. */
  readonly entitlement: Entitlement | undefined;
  readonly telemetry: Telemetry;
  /** Called if a store did not answer and the viewer is admitted anyway. */
  readonly onFailure: (refusal: Refusal) => void;
  /** Called for a start that would be refused if its asset were enforced. */
  readonly onObserved?: (why: Pick<Refusal, "code" | "reason">, traits: { readonly asset: string }) => void;
  /** Called for each action of an operator, for the log. */
  readonly onAct?: (act: OperatorAct) => void;
  readonly settings: SessionSettings;
}

/** The session settings in the API worker's configuration. */
export interface SessionSettings {
  /** `iss` of the grants. */
  readonly grantIssuer: string;
  /** The media host's URL, without a trailing slash. */
  readonly mediaUrl: string;
  readonly manifestTtl: Seconds;
  readonly sessionTtl: Seconds;
  /** Undefined for any number. */
  readonly streamLimit: number | undefined;
  /** The issuer of each backend's viewers, by the backend's name; without one it is `backend:<name>`. */
  readonly backendIssuers: ReadonlyMap<string, string>;
  readonly storeFailure: "closed" | "open";
  /** For assets that say nothing; undefined enforces. */
  readonly enforcement: Enforcement | undefined;
  /** Maximum age of a start's snapshot of the revocation log. */
  readonly revocationMaxAge: Seconds;
  /** Starts per subject, and per client address; undefined for any number, as in the rates below. */
  readonly startRate: RatePolicy | undefined;
  readonly startRateAddress: RatePolicy | undefined;
  /** Requests for files per subject. */
  readonly filesRate: RatePolicy | undefined;
  /** Refused credentials per client address, at the routes of running sessions. */
  readonly refusedRateAddress: RatePolicy | undefined;
  /** Sign-in attempts per account, and sign-ins and sign-ups per network. */
  readonly signInRate: RatePolicy | undefined;
  readonly signInRateAddress: RatePolicy | undefined;
  /** Token requests of apps per network. */
  readonly tokenRateAddress: RatePolicy | undefined;
}

/** The parts of an API request that its routes use. */
export interface SessionRequest extends RequestSource {
  readonly credential: RequestCredential;
  /** The header CTA-Common-Access-Token (CTA-5007): the session's grant. */
  readonly grant: string | undefined;
  /** The header Stagedoor-Subject: the viewer of the session that a backend shows or ends. */
  readonly subject: string | undefined;
  /** The session or asset id in the path. */
  readonly id: string;
  readonly query: URLSearchParams;
  /**
   * At most {@link longestBody} bytes, unless the route sets another maximum; the shell refuses longer and truncated
   * bodies.
   */
  readonly body: string;
  readonly client: Client;
  /** Called for each rate limit that counted the request, for the RateLimit response fields. */
  readonly onQuotaStatus: (standing: QuotaStatus) => void;
  /** Called with the viewer that a backend names, for the log. */
  readonly onViewer: (viewer: Pick<Credential, "issuer" | "subject">) => void;
  readonly waitUntil: WaitUntil;
}

/** An acting operator, and the interface that they use. */
export interface Acting {
  /** The name in the operator's credential. */
  readonly operator: string;
  readonly through: "route" | "console";
}

/** An operator's action or attempt, for the log. It contains no secret. */
export interface OperatorAct extends Acting {
  readonly act: "revoke" | "lift" | "put" | "enforcement" | "remove" | "find";
  readonly kind: RevokedKind;
  /** A session id, an asset id or a kid; for a viewer, token or login a hash. Empty if a viewer was not found. */
  readonly id: string;
  /** `done`, or the refusal of an action that failed or stopped half-way. */
  readonly outcome: "done" | RefusalCode;
}

/** Timeout of a request to a store. */
const storeTimeout = seconds(5);

/**
 * A store's answer, or `store_unavailable` if it fails or times out: a server failure, unrelated to the viewer's
 * credential. `what` names the store for the log.
 */
export async function fromStore<Answer>(
  what: string,
  pending: Promise<Answer>,
  { timer }: Pick<SessionContext, "timer">,
): Promise<Result<Answer, Refusal<"store_unavailable">>> {
  try {
    const answer = await inTime(pending, storeTimeout, timer);
    if (answer !== "late") return ok(answer);
  } catch {
    // A failure counts as no answer.
  }
  return refusal("store_unavailable", `${what} did not answer`);
}
