import * as z from "zod";
import { isUnixSeconds, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import { type LeaseRow, type LeaseRows, type Marker, markerKinds, type QuotaUsed } from "./lease-rows.ts";
import { revocationCauses } from "./revocation.ts";

const time = z.number().refine(isUnixSeconds).transform(unixSeconds);

const networkSchema = z
  .tuple([z.string(), time, z.union([z.literal(0), z.literal(1)])])
  .transform(([network, seenAt, trusted]) => ({ network, seenAt, trusted: trusted === 1 }));

const rowSchema = z
  .tuple([
    z.string(),
    z.string(),
    time,
    time,
    time,
    time,
    z.number().nullable(),
    z.enum(revocationCauses).nullable(),
    z.string().nullable(),
    z.array(networkSchema),
    z.tuple([z.string(), z.string()]).optional(),
  ])
  .transform(
    ([sessionId, assetId, startedAt, seenAt, expiresAt, leaseUntil, limit, ended, login, networks, by]): LeaseRow => ({
      sessionId,
      assetId,
      startedAt,
      seenAt,
      expiresAt,
      leaseUntil,
      limit: limit ?? undefined,
      ended: ended ?? undefined,
      login: login ?? undefined,
      networks,
      ...(by && { startedBy: { token: by[0], signer: by[1] } }),
    }),
  );

const markerSchema = z
  .tuple([z.enum(markerKinds), z.string(), time])
  .transform(([kind, name, until]): Marker => ({ kind, name, until }));

const quotaSchema = z
  .tuple([z.string(), time, z.number(), z.number()])
  .transform(([name, startedAt, count, length]): QuotaUsed => ({ name, startedAt, count, length: seconds(length) }));

/** A subject's rows as one text. Rows are arrays, since a store keeps one text per viewer in memory. */
const documentSchema = z.strictObject({
  v: z.literal(1),
  rows: z.array(rowSchema),
  markers: z.array(markerSchema).default([]),
  quotas: z.array(quotaSchema).default([]),
  networkKey: z.string().optional(),
});

/**
 * All rows of one subject in one text, for stores that compare and replace a whole value. It is read before every
 * decision and written after it, if that changed something.
 */
export class LeaseDocument implements LeaseRows {
  readonly #rows = new Map<string, LeaseRow>();
  readonly #markers = new Map<string, Marker>();
  readonly #quotas = new Map<string, QuotaUsed>();
  #networkKey: string | undefined;
  #changed = false;
  #durable = false;

  /** Reads a stored text, or begins an empty document. Throws a TypeError if the text is not a document. */
  constructor(text: string | undefined) {
    if (text === undefined) return;
    const { data } = documentSchema.safeParse(parsed(text));
    if (data === undefined) throw new TypeError("a subject's stored text is not a document of leases");
    for (const row of data.rows) this.#rows.set(row.sessionId, row);
    for (const marker of data.markers) this.#markers.set(keyOf(marker), marker);
    for (const used of data.quotas) this.#quotas.set(used.name, used);
    this.#networkKey = data.networkKey;
  }

  /** Whether something was written since it was read. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Whether an end was written: it must be on disk before it is reported. */
  get durable(): boolean {
    return this.#durable;
  }

  /** The text to store. */
  get text(): string {
    const rows = Array.from(this.#rows.values(), (row) => [
      ...[row.sessionId, row.assetId, row.startedAt, row.seenAt, row.expiresAt, row.leaseUntil],
      ...[row.limit ?? null, row.ended ?? null, row.login ?? null],
      row.networks.map(({ network, seenAt, trusted }) => [network, seenAt, trusted ? 1 : 0]),
      ...(row.startedBy === undefined ? [] : [[row.startedBy.token, row.startedBy.signer]]),
    ]);
    const markers = Array.from(this.#markers.values(), ({ kind, name, until }) => [kind, name, until]);
    const quotas = Array.from(this.#quotas.values(), (used) => [used.name, used.startedAt, used.count, used.length]);
    return JSON.stringify({
      v: 1,
      rows,
      ...(markers.length > 0 && { markers }),
      ...(quotas.length > 0 && { quotas }),
      ...(this.#networkKey !== undefined && { networkKey: this.#networkKey }),
    });
  }

  all(): Iterable<LeaseRow> {
    return this.#rows.values();
  }

  put(row: LeaseRow): void {
    if (row.ended !== undefined) this.#durable = true;
    this.#rows.set(row.sessionId, row);
    this.#changed = true;
  }

  remove(sessionId: string): void {
    this.#changed = this.#rows.delete(sessionId) || this.#changed;
  }

  markers(): Iterable<Marker> {
    return this.#markers.values();
  }

  putMarker(marker: Marker): void {
    if (marker.kind === "signed_out") this.#durable = true;
    this.#markers.set(keyOf(marker), marker);
    this.#changed = true;
  }

  removeMarker(marker: Marker): void {
    this.#changed = this.#markers.delete(keyOf(marker)) || this.#changed;
  }

  networkKey(): string | undefined {
    return this.#networkKey;
  }

  putNetworkKey(key: string): void {
    this.#networkKey = key;
    this.#changed = true;
  }

  quotas(): Iterable<QuotaUsed> {
    return this.#quotas.values();
  }

  putQuota(used: QuotaUsed): void {
    this.#quotas.set(used.name, used);
    this.#changed = true;
  }

  removeQuota(name: string): void {
    this.#changed = this.#quotas.delete(name) || this.#changed;
  }
}

function keyOf({ kind, name }: Pick<Marker, "kind" | "name">): string {
  return `${kind} ${name}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A stored document, and the version to compare when it is replaced. */
export interface StoredDocument {
  readonly text: string;
  readonly version: string;
}

/**
 * The port to the stored documents, by the name of their subject. Both methods reject if the store does not answer. A
 * version is never used again, not even after a document expired.
 */
export interface LeaseDocuments {
  read(name: string): Promise<StoredDocument | undefined>;
  /**
   * Replaces the document whose version is `known`, or adds it if that is undefined. Resolves to false, and changes
   * nothing, if the stored version is another. `durable` documents are on disk before it resolves, in stores that have
   * a disk.
   */
  replace(name: string, known: string | undefined, document: NewDocument): Promise<boolean>;
}

interface NewDocument {
  readonly text: string;
  /** When it may be removed. */
  readonly removeAt: UnixSeconds;
  readonly durable: boolean;
}
