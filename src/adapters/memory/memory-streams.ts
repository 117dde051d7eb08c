import { type Seconds, seconds } from "../../base/seconds.ts";
import type { StreamsOf } from "../../sessions/lease.ts";
import { LeaseBook } from "../../sessions/lease-book.ts";
import { endLoginAt, type LeaseDesk, leaseDesk } from "../../sessions/lease-desk.ts";
import type { QuotaUsed } from "../../sessions/lease-quotas.ts";
import type { LeaseRow, LeaseRows, Move } from "../../sessions/lease-row.ts";
import { nobleHmac } from "../noble/noble-hmac.ts";

export interface MemoryStreams {
  readonly streamsOf: StreamsOf;
  /** How many rows of sessions were written under a name. */
  readonly writes: (subject: string) => number;
  /** How many rows of sessions are kept under a name. */
  readonly size: (subject: string) => number;
  /** Forgets everything but what was written down, as a crash does. */
  readonly restart: () => void;
}

/** The streams of all subjects in memory: for tests, and for a process that is alone. */
export function memoryStreams(
  times: { readonly leaseTtl?: Seconds; readonly writeInterval?: Seconds } = {},
): MemoryStreams {
  const { leaseTtl = seconds(90), writeInterval = seconds(30) } = times;
  const stores = new Map<string, ReturnType<typeof memoryRows>>();
  const desks = new Map<string, LeaseDesk>();
  const secrets = { hmac: nobleHmac, random: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  const storeOf = (name: string) => made(stores, name, memoryRows);
  const deskOf = (name: string): LeaseDesk =>
    made(desks, name, () => leaseDesk(new LeaseBook(storeOf(name), { leaseTtl, writeInterval }, secrets), deskOf));
  return {
    streamsOf: (subject, older = []) => ({
      claim: async (claim) => deskOf(subject).claim(claim, subject, older),
      take: async (policy, now) => deskOf(subject).take(policy, now, subject, older),
      touch: async (touch) => deskOf(subject).touch(touch),
      end: async (ending) => deskOf(subject).end(ending),
      endLogin: async (ending) => endLoginAt([subject, ...older].map(deskOf), ending),
      show: async (sessionId, now) => deskOf(subject).show(sessionId, now),
      running: async (now) => deskOf(subject).running(now, subject, older),
    }),
    writes: (subject) => storeOf(subject).writes(),
    size: (subject) => [...storeOf(subject).all()].length,
    restart: () => desks.clear(),
  };
}

function memoryRows(): LeaseRows & { readonly writes: () => number } {
  const rows = new Map<string, LeaseRow>();
  const moves = new Map<string, Move>();
  let writes = 0;
  const quotas = new Map<string, QuotaUsed>();
  let networkKey: string | undefined;
  return {
    writes: () => writes,
    all: () => rows.values(),
    put: (row) => {
      writes++;
      rows.set(row.sessionId, row);
    },
    remove: (sessionId) => void rows.delete(sessionId),
    moves: () => moves.values(),
    putMove: (move) => void moves.set(`${move.way} ${move.name}`, move),
    removeMove: (move) => void moves.delete(`${move.way} ${move.name}`),
    networkKey: () => networkKey,
    putNetworkKey: (key) => {
      networkKey = key;
    },
    quotas: () => quotas.values(),
    putQuota: (used) => void quotas.set(used.name, used),
    removeQuota: (name) => void quotas.delete(name),
  };
}

function made<Value>(values: Map<string, Value>, name: string, make: () => Value): Value {
  const found = values.get(name) ?? make();
  values.set(name, found);
  return found;
}
