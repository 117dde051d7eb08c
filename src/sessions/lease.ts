import type { QuotaStatus, RatePolicy } from "../auth/rate-limit.ts";
import type { RunningSession } from "../base/result.ts";
import type { Seconds, UnixSeconds } from "../base/time.ts";
import type { RevocationCause } from "./revocation.ts";

/** The backend's credential that started a session: revoking it or its key ends the session, even after another credential renewed it. */
export interface StartedBy {
  /** The `tokenDigest` of the credential; of a session whose row was lost, the `tokenHash` in its grant. */
  readonly token: string;
  /** The kid of the key that signed the credential. */
  readonly signer: string;
}

/** A claim for a lease, by `POST /stream/start` or a session's renewal. */
export interface LeaseClaim {
  readonly sessionId: string;
  readonly assetId: string;
  /** The `loginDigest` of the credential's login, if it names one. */
  readonly login: string | undefined;
  /** If a backend claims it. A session keeps that of its first claim. */
  readonly startedBy?: StartedBy | undefined;
  readonly now: UnixSeconds;
  /** When the session's grant expires. */
  readonly expiresAt: UnixSeconds;
  /** The subject's stream limit; undefined for none. */
  readonly limit: number | undefined;
  /** At the limit, end the oldest streams instead of refusing. */
  readonly takeover: boolean;
  /** The `networkName` of the client, if known: the session is trusted there. Only its hash is stored. */
  readonly network: string | undefined;
  /** The subject's quota that counts the claim, before anything else; a renewal is not counted. */
  readonly rate?: RatePolicy | undefined;
}

/** The decision about a claim, and the state of the quota that counted it. */
export type ClaimAnswer =
  | (ClaimDecision & { readonly standing?: QuotaStatus | undefined })
  /** The quota is used up. */
  | { readonly status: "quota_exceeded"; readonly standing: QuotaStatus };

export type ClaimDecision =
  /** `taken` are the sessions that takeovers ended within the last lease: add them to the revocation log. */
  | { readonly status: "granted"; readonly taken: readonly EndedStream[] }
  /** The subject is at the limit; no stream was ended. */
  | { readonly status: "limited"; readonly running: readonly RunningStream[] }
  /** The subject started or ended more streams in a short time than a viewer does. */
  | { readonly status: "throttled"; readonly retryAfter: Seconds }
  /** The viewer has signed out of the login that the credential came from. */
  | { readonly status: "signed_out" }
  /** The session was ended and cannot be renewed. */
  | { readonly status: "ended"; readonly cause: RevocationCause };

/** A running session and the credential that it came from. Not for viewers. */
export interface RunningStream extends RunningSession {
  readonly login: string | undefined;
  readonly startedBy?: StartedBy | undefined;
}

/** A session that was ended early. Its row says so until its last grant has expired. */
export interface EndedStream {
  readonly sessionId: string;
  /** When its lease would have lapsed. */
  readonly leaseUntil: UnixSeconds;
  /** When its last grant expires. An object of an older release does not say it. */
  readonly expiresAt?: UnixSeconds | undefined;
}

/** A sign-out, for the viewer's streams. */
export interface LoginEnding {
  /** The `loginDigest`. */
  readonly login: string;
  readonly now: UnixSeconds;
  /** When the last grant that the login may have started expires. */
  readonly until: UnixSeconds;
}

export interface LoginEnded {
  /** How long an edge isolate may remember the lease of a session of the login. */
  readonly leaseUntil: UnixSeconds;
  /**
   * Whether the rows alone end every session of the login. False if a session was renewed from another login: its row
   * stays valid, and only the revocation log can refuse its older grant.
   */
  readonly complete: boolean;
}

/** The early end of a session. */
export interface StreamEnding {
  readonly sessionId: string;
  /** When the grant at hand expires; another grant of the session may last longer. */
  readonly expiresAt: UnixSeconds;
  readonly cause: RevocationCause;
  readonly now: UnixSeconds;
}

/** The edge's report of a session's request. */
export interface LeaseTouch {
  readonly sessionId: string;
  readonly assetId: string;
  /** From the grant: see {@link LeaseClaim}. */
  readonly login: string | undefined;
  readonly startedBy?: StartedBy | undefined;
  readonly now: UnixSeconds;
  readonly issuedAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  /** The `networkName` of the client, if known. Only its hash is stored. */
  readonly network: string | undefined;
  /** Whether the client has loaded a playlist in this network. */
  readonly playlist: boolean;
  /** Another network in which the edge admitted the session without a check. */
  readonly first?: { readonly network: string | undefined; readonly playlist: boolean } | undefined;
  /** Maximum number of networks in which one session may be alive at once; undefined for any number. */
  readonly mostNetworks: number | undefined;
}

export type TouchAnswer =
  /** The session has a lease until then. The caller checks whether what started it was revoked. */
  | { readonly status: "granted"; readonly until: UnixSeconds; readonly startedBy?: StartedBy | undefined }
  /** The lease lapsed while the session was silent, and other streams fill the limit now. */
  | { readonly status: "limited" }
  /** The session is at its network limit. It continues in those networks, but not in this one. */
  | { readonly status: "elsewhere" }
  /** `stream` if this touch ended the session: add it to the revocation log. */
  | { readonly status: "ended"; readonly cause: RevocationCause; readonly stream: EndedStream | undefined };

/** The state of one session. */
export interface StreamState {
  readonly assetId: string;
  readonly startedAt: UnixSeconds;
  readonly seenAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  readonly leaseUntil: UnixSeconds;
  /** The number of networks in which it is alive. */
  readonly networks: number;
  /** The `loginDigest` of the credential of its last claim, if that named a login. */
  readonly login: string | undefined;
  readonly startedBy?: StartedBy | undefined;
  readonly ended: RevocationCause | undefined;
}

/** The port to all streams of one subject. Each method rejects if the store does not answer. */
export interface SubjectStreams {
  claim(claim: LeaseClaim): Promise<ClaimAnswer>;
  /** Counts a request without a claim, before a call to an external service. */
  take(policy: RatePolicy, now: UnixSeconds): Promise<QuotaStatus>;
  touch(touch: LeaseTouch): Promise<TouchAnswer>;
  /** Ends a session for good. */
  end(ending: StreamEnding): Promise<EndedStream>;
  /** Ends all sessions of a login, and refuses claims and grants of it from then on. */
  endLogin(ending: LoginEnding): Promise<LoginEnded>;
  /** Whether the viewer signed out of a login, as {@link SubjectStreams.endLogin} was told. */
  isSignedOut(login: string): Promise<boolean>;
  show(sessionId: string, now: UnixSeconds): Promise<StreamState | undefined>;
  /** The running sessions, oldest first, without a claim. */
  running(now: UnixSeconds): Promise<readonly RunningStream[]>;
}

/**
 * The streams of a subject by its `subjectHash`. `older` are its hashes under older session keys: their streams are
 * counted and taken over.
 */
export type StreamsOf = (subject: string, older?: readonly string[]) => SubjectStreams;
