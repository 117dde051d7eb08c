import type { QuotaStatus, RatePolicy } from "../auth/rate-limit.ts";
import type { RunningSession } from "../base/result.ts";
import type { Seconds, UnixSeconds } from "../base/time.ts";
import type { RevocationCause } from "./revocation.ts";

/** What `POST /stream/start` and a session's renewal ask of the subject's streams. */
export interface LeaseClaim {
  readonly sessionId: string;
  readonly assetId: string;
  /** The name of the login that the credential came from, where it names one: see `loginDigest`. */
  readonly login: string | undefined;
  readonly now: UnixSeconds;
  /** When the session's grant ends. */
  readonly expiresAt: UnixSeconds;
  /** How many streams the subject may run at once; undefined for any number. */
  readonly limit: number | undefined;
  /** Whether the oldest are ended where there are too many. */
  readonly takeover: boolean;
  /** The client's network in its one spelling, where it is known: the session is trusted there. It is kept as a hash alone. */
  readonly network: string | undefined;
  /** The subject's quota that the claim is counted by, before anything else; a renewal is counted by none. */
  readonly rate?: RatePolicy | undefined;
}

/** The decision about a claim, and the state of the quota that it was counted by. */
export type ClaimAnswer =
  | (ClaimDecision & { readonly standing?: QuotaStatus | undefined })
  /** The quota is used up. */
  | { readonly status: "quota_exceeded"; readonly standing: QuotaStatus };

export type ClaimDecision =
  /** `taken` are the sessions that takeovers have ended within a lease: the revocation log has to be told. */
  | { readonly status: "granted"; readonly taken: readonly EndedStream[] }
  /** There are too many; none of them was touched. */
  | { readonly status: "limited"; readonly running: readonly RunningStream[] }
  /** The subject started more in a short time, or ended more, than a viewer does. */
  | { readonly status: "throttled"; readonly retryAfter: Seconds }
  /** The viewer has signed out of the login that the credential came from. */
  | { readonly status: "signed_out" }
  /** A session that was ended is renewed by nobody. */
  | { readonly status: "ended"; readonly cause: RevocationCause };

/** A session that runs, and the login that it came from: not for viewers. */
export interface RunningStream extends RunningSession {
  readonly login: string | undefined;
}

/** A session that was ended before its time. Its row says so until its last grant has expired. */
export interface EndedStream {
  readonly sessionId: string;
  /** Until when it would have held its lease. */
  readonly leaseUntil: UnixSeconds;
}

/** A sign-out, as the viewer's streams are told of it. */
export interface LoginEnding {
  /** The `loginDigest`. */
  readonly login: string;
  readonly now: UnixSeconds;
  /** When the last grant that may have come from the login has expired. */
  readonly until: UnixSeconds;
}

export interface LoginEnded {
  /** Until when an isolate of the edge may remember the lease of a session of the login. */
  readonly leaseUntil: UnixSeconds;
  /**
   * Whether the rows alone end everything that came from the login. They do not where a session was renewed from another login:
   * its row goes on, and only the revocation log can refuse its older grant.
   */
  readonly complete: boolean;
}

/** The end of a session before its time. */
export interface StreamEnding {
  readonly sessionId: string;
  /** When the grant at hand expires; another grant of the session may last longer. */
  readonly expiresAt: UnixSeconds;
  readonly cause: RevocationCause;
  readonly now: UnixSeconds;
}

/** What the edge says of a session that asks for something. */
export interface LeaseTouch {
  readonly sessionId: string;
  readonly assetId: string;
  /** As the grant says: see {@link LeaseClaim}. */
  readonly login: string | undefined;
  readonly now: UnixSeconds;
  readonly issuedAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  /** The client's network in its one spelling, where it is known. It is kept as a hash alone. */
  readonly network: string | undefined;
  /** Whether the client has loaded a playlist in this network. */
  readonly playlist: boolean;
  /** The network in which the edge admitted the session without asking, where that is another one. */
  readonly first?: { readonly network: string | undefined; readonly playlist: boolean } | undefined;
  /** How many networks one session may be alive in at once; undefined for any number. */
  readonly mostNetworks: number | undefined;
}

export type TouchAnswer =
  /** It holds a lease until then, or holds one again. */
  | { readonly status: "granted"; readonly until: UnixSeconds }
  /** It lost its lease while it was silent, and others fill the limit now. */
  | { readonly status: "limited" }
  /** It is alive in as many networks as it may be, and goes on in those; this network is another. */
  | { readonly status: "elsewhere" }
  /** `stream` where this touch ended it: the revocation log has to be told. */
  | { readonly status: "ended"; readonly cause: RevocationCause; readonly stream: EndedStream | undefined };

/** What is known of one session. */
export interface StreamState {
  readonly assetId: string;
  readonly startedAt: UnixSeconds;
  readonly seenAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  readonly leaseUntil: UnixSeconds;
  /** How many networks it is alive in. */
  readonly networks: number;
  readonly ended: RevocationCause | undefined;
}

/** The port to all streams of one subject. Each rejects where the store does not answer. */
export interface SubjectStreams {
  claim(claim: LeaseClaim): Promise<ClaimAnswer>;
  /** Counts by a quota without a claim: before something is asked that costs more than a claim. */
  take(policy: RatePolicy, now: UnixSeconds): Promise<QuotaStatus>;
  touch(touch: LeaseTouch): Promise<TouchAnswer>;
  /** Ends a session for good: nothing gives it back. */
  end(ending: StreamEnding): Promise<EndedStream>;
  /** Ends all sessions of a login, and refuses claims and grants of it from then on. */
  endLogin(ending: LoginEnding): Promise<LoginEnded>;
  show(sessionId: string, now: UnixSeconds): Promise<StreamState | undefined>;
  /** Those that hold a lease now, oldest first: for who looks and claims nothing. */
  running(now: UnixSeconds): Promise<readonly RunningStream[]>;
}

/**
 * The streams of a subject by their `subjectHash`. `older` are their names under session keys that
 * came into use before: what runs under them is counted, and moves over.
 */
export type StreamsOf = (subject: string, older?: readonly string[]) => SubjectStreams;
