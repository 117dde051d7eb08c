import type { RefusalCode } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";

/** A session that holds a lease, as the console shows it. The subject is a keyed hash. */
export interface LiveSession {
  readonly sessionId: string;
  readonly assetId: string;
  readonly subject: string;
  /** Where it was seen last: ISO 3166-1 alpha-2, `XX` where nobody knows. */
  readonly country: string;
  readonly startedAt: UnixSeconds;
  readonly seenAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
}

/** A refusal, by what its line of the log says of it. */
export interface RecentRefusal {
  readonly at: UnixSeconds;
  readonly worker: string;
  readonly code: RefusalCode;
  readonly reason: string;
  /** The answer's Request-Id. */
  readonly request: string;
  /** The keyed hash of the subject, where it is known. */
  readonly subject?: string | undefined;
}

/** What one isolate has counted since its last report. Plain data: it goes over RPC. */
export interface Report {
  readonly worker: string;
  /** Which isolate it is from, by a name that it drew, and its how manyeth: one that comes a second time is not counted again. */
  readonly from?: { readonly isolate: string; readonly sequence: number } | undefined;
  /** By a metric's name and its labels in their one spelling, as `metrics.ts` writes them: how much it went up. */
  readonly counts: readonly (readonly [series: string, more: number])[];
  /** At most a few of those refused since: all of them are counted. */
  readonly refusals: readonly RecentRefusal[];
  readonly alive: readonly LiveSession[];
  readonly ended: readonly string[];
}

/** What ends sessions, as far as the list knows what they are. */
export interface Ending {
  /** Ids of sessions. */
  readonly sessions: readonly string[];
  /** All sessions of these assets. */
  readonly assets: readonly string[];
  /** All sessions of these subjects that were started up to then. */
  readonly subjects: readonly (readonly [subject: string, upTo: UnixSeconds])[];
}

export interface SessionsAsked {
  readonly asset?: string | undefined;
  /** A session's id. */
  readonly session?: string | undefined;
  /** The keyed hash of a viewer. */
  readonly subject?: string | undefined;
  /** Any of the three, where nobody says which. */
  readonly name?: string | undefined;
  /** These are neither listed nor counted. */
  readonly without?: Ending | undefined;
  /** `begun`: the last begun first, an order that stays from one look to the next; else the last seen first. */
  readonly order?: "begun" | undefined;
  /** How many at most. */
  readonly limit: number;
}

export interface SessionsNow {
  /** How many there are, of all that were asked for. */
  readonly count: number;
  readonly sessions: readonly LiveSession[];
}

export interface RefusalsOfHour {
  /** The last sixty minutes, the oldest first, each with how many there were of a code in it. */
  readonly minutes: readonly { readonly at: UnixSeconds; readonly counts: Readonly<Record<string, number>> }[];
  /** The last ones, the newest first. */
  readonly recent: readonly RecentRefusal[];
}

/**
 * The port to where the counts of all isolates come together. Each rejects where the store does not answer; nobody's request
 * waits for `report`.
 */
export interface Gathered {
  report(report: Report): Promise<void>;
  /** Every series with its value, in the order of the names. */
  counts(): Promise<readonly (readonly [series: string, value: number])[]>;
  sessions(asked: SessionsAsked): Promise<SessionsNow>;
  refusals(): Promise<RefusalsOfHour>;
}
