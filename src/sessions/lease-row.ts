import { type UnixSeconds, unixSeconds } from "../base/seconds.ts";
import type { QuotaRows } from "./lease-quotas.ts";
import type { RevocationCause } from "./revocation.ts";

/** What is written down of one session. A lease is held until `leaseUntil`, unless the session was ended. */
export interface LeaseRow {
  readonly sessionId: string;
  /** Empty where a session was ended that nobody had seen before. */
  readonly assetId: string;
  /** The name of the login that it came from. */
  readonly login: string | undefined;
  readonly startedAt: UnixSeconds;
  readonly seenAt: UnixSeconds;
  /** When the last of its grants ends. */
  readonly expiresAt: UnixSeconds;
  readonly leaseUntil: UnixSeconds;
  /** The limit on the subject's streams that it was claimed with. */
  readonly limit: number | undefined;
  readonly ended: RevocationCause | undefined;
  readonly networks: readonly NetworkSeen[];
}

/** A network by its hash, under the {@link LeaseRows.networkKey} of the rows that it is in. */
export interface NetworkSeen {
  readonly network: string;
  /** When the media host last saw the session there; 0 where it never did. */
  readonly seenAt: UnixSeconds;
  /** Whether the session was started or renewed there, or loaded a playlist there: more than one segment URL is known there. */
  readonly trusted: boolean;
}

/**
 * Where a subject's streams went (`to`) or came from (`from`) when their name changed with the key, and until when it counts.
 * Or a login: one that the viewer signed out of (`out`), or one whose session was renewed from another, so that grants of both
 * are in use (`shared`).
 */
export interface Move {
  readonly way: "to" | "from" | "out" | "shared";
  readonly name: string;
  readonly until: UnixSeconds;
}

/** The port to where one subject's rows are kept. Synchronous: a decision and what it writes are one step. */
export interface LeaseRows extends QuotaRows {
  /** All of them, in the order in which they first came. */
  all(): Iterable<LeaseRow>;
  /** Writes a row, or writes it anew. */
  put(row: LeaseRow): void;
  remove(sessionId: string): void;
  moves(): Iterable<Move>;
  putMove(move: Move): void;
  removeMove(move: Move): void;
  /** The key of the hashes that stand for networks in these rows, in base64url; undefined before there is one. */
  networkKey(): string | undefined;
  putNetworkKey(key: string): void;
}

/** A session that is ended and has no row. All that is known of it is that it must not come back. */
export function unseen(sessionId: string, expiresAt: UnixSeconds, leaseUntil: UnixSeconds): LeaseRow {
  const never = unixSeconds(0);
  return {
    sessionId,
    assetId: "",
    login: undefined,
    startedAt: never,
    seenAt: never,
    expiresAt,
    leaseUntil,
    limit: undefined,
    ended: undefined,
    networks: [],
  };
}
