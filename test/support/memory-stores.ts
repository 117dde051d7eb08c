import type { ProofReplay } from "../../src/auth/credential.ts";
import { type RateLimits, type RateWindow, takeFrom } from "../../src/auth/rate-limit.ts";
import type { TextHash } from "../../src/base/crypto.ts";
import { ok } from "../../src/base/result.ts";
import {
  type Clock,
  type MillisecondClock,
  type Seconds,
  seconds,
  systemClock,
  systemTimer,
  type UnixSeconds,
  unixSeconds,
} from "../../src/base/time.ts";
import type { CatalogEditing } from "../../src/catalog/edit-catalog.ts";
import { type EditingParts, type EditNotes, editInTurn } from "../../src/catalog/edit-in-turn.ts";
import type { Gathered } from "../../src/metrics/gathered.ts";
import { Gathering } from "../../src/metrics/gathering.ts";
import type { Telemetry, TelemetryEvent } from "../../src/metrics/telemetry.ts";
import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import type { StreamsOf } from "../../src/sessions/lease.ts";
import { type LeaseRouter, leaseRouter, streamsFrom } from "../../src/sessions/lease-router.ts";
import type { LeaseRow, LeaseRows, Marker, QuotaUsed } from "../../src/sessions/lease-rows.ts";
import { LeaseStore } from "../../src/sessions/lease-store.ts";
import {
  entryOfRow,
  isOfBeginning,
  type KeptRevocation,
  merge,
  type RevocationLog,
  shortened,
  takeBack,
} from "../../src/sessions/revocation.ts";
import { HeldRevocations } from "../../src/sessions/revocation-snapshot.ts";

/** A catalog in memory: the text that the workers would read. */
export interface MemoryCatalog {
  text: string | undefined;
}

/** Catalog editing in memory, for tests. */
export function memoryCatalogEditing(
  catalog: MemoryCatalog,
  sha256: TextHash,
  parts: Partial<Pick<EditingParts, "store" | "clock" | "timer">> = {},
): CatalogEditing {
  let kept: EditNotes | undefined;
  return editInTurn({
    store: {
      load: async () => catalog.text,
      save: async (text) => {
        catalog.text = text;
        return true;
      },
    },
    notes: {
      read: () => kept,
      write: (notes) => {
        kept = notes;
      },
    },
    clock: systemClock,
    timer: systemTimer,
    sha256,
    ...parts,
  });
}

/** Metrics gathered in memory, for tests and benchmarks. */
export function memoryGathered(clock: Clock, silence: Seconds = seconds(120)): Gathered {
  const gathering = new Gathering(clock, silence);
  return {
    report: async (report) => {
      gathering.report(report);
    },
    counts: async () => gathering.counts(),
    sessions: async (query) => gathering.sessions(query),
    refusals: async () => gathering.refusals(),
    groups: async (by) => gathering.groups(by),
    ofViewer: async (subjects) => gathering.ofViewer(subjects),
    history: async () => gathering.history(),
    events: async (after, limit) => gathering.events(after, limit),
    actions: async () => gathering.actions(),
  };
}

/** Rate limits in memory, for tests and for a single process. It never forgets a name, so it suits only a few names. */
export function memoryLimits(): RateLimits {
  const windows = new Map<string, RateWindow>();
  return {
    take: async (policy, name, now) => {
      const key = JSON.stringify([policy.name, name]);
      const { window, standing } = takeFrom(windows.get(key), policy, now);
      windows.set(key, window);
      return standing;
    },
  };
}

export interface MemoryProofs extends ProofReplay {
  /** The number of remembered proofs. */
  readonly size: () => number;
}

/** DPoP proofs in memory, for tests and for a single process. */
export function memoryProofs(clock: Clock): MemoryProofs {
  const used = new Map<string, UnixSeconds>();
  return {
    size: () => used.size,
    firstUse: async (jkt, jti, until) => {
      for (const [proof, end] of used) if (end <= clock()) used.delete(proof);
      const proof = JSON.stringify([jkt, jti]);
      if (used.has(proof)) return false;
      used.set(proof, until);
      return true;
    },
  };
}

/** A {@link RevocationLog} in memory for tests. It forgets nothing and is never full. */
export function memoryRevocationLog(clock: MillisecondClock, pageSize = 10_000): RevocationLog {
  const kept = new Map<string, { readonly entry: KeptRevocation; readonly seq: number }>();
  const first = 1;
  let last = first;
  const now = () => unixSeconds(Math.floor(clock() / 1000));
  const find = (kind: string, value: string) => kept.get(`${kind} ${value}`)?.entry;
  const write = (entry: KeptRevocation) => {
    kept.set(`${entry.kind} ${entry.value}`, { entry, seq: ++last });
  };
  return {
    append: async (entries, by) => {
      for (const entry of entries) {
        const changed = merge(find(entry.kind, entry.value), entry, by, now());
        if (changed !== undefined) write(changed);
      }
      return 0;
    },
    shorten: async (kind, value, until) => {
      const changed = shortened(find(kind, value), until, now());
      if (changed !== undefined) write(changed);
    },
    lift: async (kind, value) => {
      const changed = takeBack(find(kind, value), now());
      if (changed !== undefined) write(changed);
      return changed !== undefined;
    },
    since: async (cursor, detail) => {
      const reset = cursor < first || cursor > last;
      const rows = [...kept.values()]
        .filter(({ entry }) => detail !== "operators" || (entry.by === "operator" && entry.until > now()))
        .filter(({ seq, entry }) => (reset ? isOfBeginning(entry, detail, now()) : seq > cursor))
        .toSorted((a, b) => a.seq - b.seq);
      const page = rows.slice(0, pageSize);
      const more = rows.length > pageSize;
      return {
        cursor: more ? (page.at(-1)?.seq ?? last) : last,
        asOf: clock(),
        reset,
        more,
        entries: page.map(({ entry }) => entryOfRow(entry, detail)),
      };
    },
  };
}

export interface MemoryStreams {
  readonly streamsOf: StreamsOf;
  /** The number of session rows written for a subject. */
  readonly writes: (subject: string) => number;
  /** The number of session rows kept for a subject. */
  readonly size: (subject: string) => number;
  /** Drops all state that was not written down, as a crash does. */
  readonly restart: () => void;
}

/** The streams of all subjects in memory, for tests and for a single process. */
export function memoryStreams(
  times: { readonly leaseTtl?: Seconds; readonly writeInterval?: Seconds } = {},
): MemoryStreams {
  const { leaseTtl = seconds(90), writeInterval = seconds(30) } = times;
  const stores = new Map<string, ReturnType<typeof memoryRows>>();
  const routers = new Map<string, LeaseRouter>();
  const secrets = { hmac: nobleHmac, random: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  const storeOf = (name: string) => getOrMake(stores, name, memoryRows);
  const routerOf = (name: string): LeaseRouter =>
    getOrMake(routers, name, () =>
      leaseRouter(new LeaseStore(storeOf(name), { leaseTtl, writeInterval }, secrets), routerOf),
    );
  return {
    streamsOf: streamsFrom(routerOf),
    writes: (subject) => storeOf(subject).writes(),
    size: (subject) => [...storeOf(subject).all()].length,
    restart: () => routers.clear(),
  };
}

function memoryRows(): LeaseRows & { readonly writes: () => number } {
  const rows = new Map<string, LeaseRow>();
  const markers = new Map<string, Marker>();
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
    markers: () => markers.values(),
    putMarker: (marker) => void markers.set(`${marker.kind} ${marker.name}`, marker),
    removeMarker: (marker) => void markers.delete(`${marker.kind} ${marker.name}`),
    networkKey: () => networkKey,
    putNetworkKey: (key) => {
      networkKey = key;
    },
    quotas: () => quotas.values(),
    putQuota: (used) => void quotas.set(used.name, used),
    removeQuota: (name) => void quotas.delete(name),
  };
}

function getOrMake<Value>(values: Map<string, Value>, name: string, make: () => Value): Value {
  const value = values.get(name) ?? make();
  values.set(name, value);
  return value;
}

/** Telemetry in memory, for tests: all events, in order. */
export function memoryTelemetry(): { readonly telemetry: Telemetry; readonly events: readonly TelemetryEvent[] } {
  const events: TelemetryEvent[] = [];
  return { telemetry: (event) => void events.push(event), events };
}

/** A watch of a log without entries. */
export const nothingRevoked = {
  atHand: () => new HeldRevocations(),
  current: async () => ok(new HeldRevocations()),
};
