import type { RefusalCode } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { History, StateSeen } from "./day-history.ts";

/** A session with a lease, for the console. The subject is a keyed hash. */
export interface LiveSession {
  readonly sessionId: string;
  readonly assetId: string;
  readonly subject: string;
  /** The country of its last request: ISO 3166-1 alpha-2, or `XX` if unknown. */
  readonly country: string;
  readonly startedAt: UnixSeconds;
  readonly seenAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
}

/** A session of the last hour that is not listed as live any more. */
export interface PastSession extends LiveSession {
  /** When it was ended; absent if its requests stopped or it expired. */
  readonly endedAt?: UnixSeconds | undefined;
}

/** A refusal, as its log line describes it. */
export interface RecentRefusal {
  readonly at: UnixSeconds;
  readonly worker: string;
  readonly code: RefusalCode;
  readonly reason: string;
  /** The response's Request-Id. */
  readonly request: string;
  /** The keyed hash of the subject, if known. */
  readonly subject?: string | undefined;
}

/** The counts of one isolate since its last report. Plain data, for RPC. */
export interface Report {
  readonly worker: string;
  /** `isolate`: random id. `sequence`: report number, used to drop duplicates. */
  readonly from?: { readonly isolate: string; readonly sequence: number } | undefined;
  /** By series (a metric's name and labels, spelled as in `metrics.ts`): the increment, or the value of a gauge. */
  readonly counts: readonly (readonly [series: string, more: number])[];
  /** A sample of the recent refusals; all of them are counted. */
  readonly refusals: readonly RecentRefusal[];
  readonly alive: readonly LiveSession[];
  readonly ended: readonly string[];
  /** What holds now; absent in reports of older releases. */
  readonly states?: readonly StateSeen[] | undefined;
}

/** Filters for sessions that were ended. */
export interface Ending {
  /** Session ids. */
  readonly sessions: readonly string[];
  /** All sessions of these assets. */
  readonly assets: readonly string[];
  /** All sessions of these subjects that started up to a point in time. */
  readonly subjects: readonly (readonly [subject: string, upTo: UnixSeconds])[];
}

export interface SessionsAsked {
  readonly asset?: string | undefined;
  /** A session id. */
  readonly session?: string | undefined;
  /** The keyed hash of a viewer. */
  readonly subject?: string | undefined;
  /** Any of the three: a session id, subject or asset. */
  readonly name?: string | undefined;
  /** Excluded from the list and the count. */
  readonly without?: Ending | undefined;
  /** `begun`: newest start first, an order that is stable between two requests; else most recently seen first. */
  readonly order?: "begun" | undefined;
  /** The maximum number of entries. */
  readonly limit: number;
}

export interface SessionsNow {
  /** The number of all matching sessions. */
  readonly count: number;
  readonly sessions: readonly LiveSession[];
}

/** What viewers ask for, if the share that is answered is watched: starts of streams, and requests to the media host. */
export type Asked = "start" | "media";

/** Whose fault a refusal is: this service's or its operator's, the origin's, the identity provider's, the viewer's. */
export type Cause = "ours" | "origin" | "provider" | "viewer";

/** What came of one kind of viewers' requests. */
export interface Outcomes {
  /** Started streams, or served playlists, segments, keys and files. */
  readonly accepted: number;
  /** The number of refusals per code. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface MinuteCounts {
  /** The start of the minute. */
  readonly at: UnixSeconds;
  /** The number of all refusals per code, whatever was requested. */
  readonly counts: Readonly<Record<string, number>>;
  readonly viewers: Readonly<Record<Asked, Outcomes>>;
}

/** What is known of one viewer's sessions. */
export interface ViewerSessions {
  /** Most recently seen first, also those that were revoked a moment ago. */
  readonly live: readonly LiveSession[];
  /** Of the last hour, most recently seen first. */
  readonly past: readonly PastSession[];
}

export interface RefusalsOfHour {
  /** The last sixty minutes, oldest first. */
  readonly minutes: readonly MinuteCounts[];
  /** The most recent refusals, newest first. */
  readonly recent: readonly RecentRefusal[];
}

/**
 * Port: the counts of all isolates together. Each method rejects if the store does not respond; no request waits for
 * `report`.
 */
export interface Gathered {
  report(report: Report): Promise<void>;
  /** Every series with its value, sorted by name. */
  counts(): Promise<readonly (readonly [series: string, value: number])[]>;
  sessions(asked: SessionsAsked): Promise<SessionsNow>;
  refusals(): Promise<RefusalsOfHour>;
  /** The sessions of a viewer, by the keyed hashes that they have under the keys in use. */
  ofViewer(subjects: readonly string[]): Promise<ViewerSessions>;
  /** The sums of the last two days. */
  history(): Promise<History>;
}
