import type { RefusalCode } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { History, StateSeen } from "./day-history.ts";
import type { EventsAfter, Happening, OperatorAction } from "./event-log.ts";

/** By what refusals and sessions are grouped. */
export const groupings = ["asset", "country", "asn", "player"] as const;
export type GroupBy = (typeof groupings)[number];

/** What is known of a request, for lists and groups. Each part is absent if it is unknown. No check reads it. */
export interface RequestTraits {
  readonly asset?: string | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly country?: string | undefined;
  /** The number of the client's autonomous system. */
  readonly asn?: number | undefined;
  /** The family of the player, by its User-Agent. */
  readonly player?: string | undefined;
}

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
  /** Of its last request, if it is known: the network's number and the player's family. */
  readonly asn?: number | undefined;
  readonly player?: string | undefined;
}

/** A session of the last hour that is not listed as live any more. */
export interface PastSession extends LiveSession {
  /** When it was ended; absent if its requests stopped or it expired. */
  readonly endedAt?: UnixSeconds | undefined;
}

/** A refusal, as its log line describes it. */
export interface RecentRefusal extends RequestTraits {
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
  /** Why each of them ended, and what else happened. Absent in reports of earlier releases. */
  readonly why?: readonly (readonly [sessionId: string, why: string])[] | undefined;
  readonly happened?: readonly Happening[] | undefined;
  /** What holds now; absent in reports of older releases. */
  readonly states?: readonly StateSeen[] | undefined;
  /** All refusals by what is known of their requests. Absent in reports of earlier releases. */
  readonly groups?: readonly (readonly [by: GroupBy, value: string, code: string, more: number])[] | undefined;
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
  readonly country?: string | undefined;
  readonly asn?: number | undefined;
  readonly player?: string | undefined;
  /** Any of these: a session id, subject, asset, country, network (`AS64500`) or player. */
  readonly name?: string | undefined;
  /** Excluded from the list and the count. */
  readonly without?: Ending | undefined;
  /** `begun`: newest start first, an order that is stable between two requests; else most recently seen first. */
  readonly order?: "begun" | undefined;
  /** How many to leave out: those of the pages before. */
  readonly skip?: number | undefined;
  /** The maximum number of entries. */
  readonly limit: number;
}

/** One group of refusals and sessions. */
export interface Group {
  /** An asset's id, a country, a network (`AS64500`), a player's family; `unknown`, or `other` for those without a place. */
  readonly value: string;
  /** Running sessions, also those that were revoked a moment ago. */
  readonly watching: number;
  /** The refusals per code, of the last hour to the nearest ten minutes. */
  readonly refused: Readonly<Record<string, number>>;
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
  /** Every group with a running session or a refusal of the last hour, in any order. */
  groups(by: GroupBy): Promise<readonly Group[]>;
  /** The sessions of a viewer, by the keyed hashes that they have under the keys in use. */
  ofViewer(subjects: readonly string[]): Promise<ViewerSessions>;
  /** The sums of the last two days. */
  history(): Promise<History>;
  /** The events after the one with this id, at most `limit`. */
  events(after: string | undefined, limit: number): Promise<EventsAfter>;
  /** The last actions of operators, the last first. */
  actions(): Promise<readonly OperatorAction[]>;
}
