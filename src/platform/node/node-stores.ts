import type { ProofReplay } from "../../auth/credential.ts";
import type { RateLimits } from "../../auth/rate-limit.ts";
import { type Seconds, systemClock, systemMillisecondClock } from "../../base/time.ts";
import type { ReadinessCheck } from "../../http/health.ts";
import type { Gathered } from "../../metrics/gathered.ts";
import { type GatheringStore, StoredGathering } from "../../metrics/stored-gathering.ts";
import type { LeaseDocuments } from "../../sessions/lease-document.ts";
import type { RevocationLog } from "../../sessions/revocation.ts";
import { openSqlite } from "./sqlite-database.ts";
import {
  type CatalogText,
  gatheredIn,
  makeTables,
  removeExpired,
  sqliteCatalog,
  sqliteLeases,
  sqliteLimits,
  sqliteProofs,
  sqliteRevocationLog,
} from "./sqlite-stores.ts";

/** The number of sessions that a process remembers: it has as many viewers as ten isolates of a data centre. */
export const mostSessions = 100_000;

/** Everything that a Node process keeps outside its memory. */
export interface NodeStores {
  readonly leases: LeaseDocuments;
  readonly revocations: RevocationLog;
  readonly catalog: CatalogText;
  readonly limits: RateLimits;
  readonly proofs: ProofReplay;
  readonly gathered: Gathered;
  /** The database of the counts, if this process has one. */
  readonly counts?: GatheringStore | undefined;
  /** True for the first of several machines that names this; by default the process is alone. */
  readonly claim?: ((name: string) => Promise<boolean>) | undefined;
  /** Calls `listener` when there may be new revocations, of this process at least. Others are found by reading once a second. */
  readonly onRevocation: (listener: () => void) => void;
  /** What `/ready` checks in addition to the session stores. */
  readonly readinessChecks: Readonly<Record<string, ReadinessCheck>>;
  /** Removes what has expired, once a minute. It rejects if the store does not answer. */
  readonly sweep: () => Promise<void>;
  /** Ends the connections, after the last request. */
  readonly close: () => Promise<void>;
}

/** All stores in one SQLite file, which is made if there is none. */
export function sqliteStores(file: string, { leaseTtl }: { readonly leaseTtl: Seconds }): NodeStores {
  const connections = { usual: openSqlite(file, { durable: false }), durable: openSqlite(file, { durable: true }) };
  makeTables(connections);
  const revocations = sqliteRevocationLog(connections, systemMillisecondClock);
  const listeners: (() => void)[] = [];
  const told = async <Value>(change: Promise<Value>): Promise<Value> => {
    const value = await change;
    for (const listener of listeners) listener();
    return value;
  };
  return {
    leases: sqliteLeases(connections),
    revocations: {
      since: revocations.since,
      append: (entries, by) => told(revocations.append(entries, by)),
      shorten: (kind, value, until) => told(revocations.shorten(kind, value, until)),
      lift: (kind, value) => told(revocations.lift(kind, value)),
    },
    catalog: sqliteCatalog(connections),
    limits: sqliteLimits(connections),
    proofs: sqliteProofs(connections),
    gathered: gatheredIn(new StoredGathering(connections.usual, systemClock, leaseTtl)),
    counts: connections.usual,
    onRevocation: (listener) => void listeners.push(listener),
    readinessChecks: {},
    sweep: async () => {
      removeExpired(connections, systemClock());
      revocations.removeEnded();
    },
    close: async () => {
      connections.usual.close();
      connections.durable.close();
    },
  };
}
