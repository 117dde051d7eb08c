import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import type { QuotaStatus, RatePolicy } from "../../auth/rate-limit.ts";
import { isUnixSeconds, systemClock, systemMillisecondClock, type UnixSeconds, unixSeconds } from "../../base/time.ts";
import { leaseTtlOf } from "../../config/settings.ts";
import type {
  ClaimAnswer,
  EndedStream,
  LeaseClaim,
  LeaseTouch,
  LoginEnded,
  LoginEnding,
  RunningStream,
  StreamEnding,
  StreamState,
  TouchAnswer,
} from "../../sessions/lease.ts";
import { type LeaseRouter, leaseRouter } from "../../sessions/lease-router.ts";
import { sqlLeaseRows } from "../../sessions/lease-rows-sql.ts";
import { leaseTimes } from "../../sessions/lease-rules.ts";
import { type HandedOver, LeaseStore } from "../../sessions/lease-store.ts";
import { revocationCauses, revocationDetails, revocationKinds, revocationMakers } from "../../sessions/revocation.ts";
import { noteSchema } from "../../sessions/revocation-note.ts";
import { longestName, openRevocationStore, type RevocationStore, writePage } from "../../sessions/revocation-store.ts";
import { nobleHmac } from "./noble-hmac.ts";

interface SubjectLeasesEnv {
  /** The namespace of these objects, to reach a subject's other names. */
  readonly SUBJECT_LEASES: DurableObjectNamespace<SubjectLeases>;
  /** How long a silent session keeps its lease, in seconds; 90 by default. */
  readonly STAGEDOOR_LEASE_TTL?: string;
}

interface Opened {
  readonly store: LeaseStore;
  readonly router: LeaseRouter;
}

/** The streams of one subject under one name; see {@link leaseRouter}. */
export class SubjectLeases extends DurableObject<SubjectLeasesEnv> implements LeaseRouter {
  #opened: Opened | undefined;
  #reminded = false;

  async claim(claim: LeaseClaim, own: string, older: readonly string[]): Promise<ClaimAnswer> {
    return this.#ask((router) => router.claim(claim, own, older));
  }

  async take(policy: RatePolicy, now: UnixSeconds, own: string, older: readonly string[]): Promise<QuotaStatus> {
    return this.#ask((router) => router.take(policy, now, own, older));
  }

  async touch(touch: LeaseTouch): Promise<TouchAnswer> {
    return this.#ask((router) => router.touch(touch));
  }

  async end(ending: StreamEnding): Promise<EndedStream> {
    return this.#ask((router) => router.end(ending));
  }

  async endLogin(ending: LoginEnding): Promise<LoginEnded> {
    return this.#ask((router) => router.endLogin(ending));
  }

  async isSignedOut(login: string): Promise<boolean> {
    return this.#ask((router) => router.isSignedOut(login));
  }

  async show(sessionId: string, now: UnixSeconds): Promise<StreamState | undefined> {
    return this.#ask((router) => router.show(sessionId, now));
  }

  async running(now: UnixSeconds, own: string, older: readonly string[]): Promise<readonly RunningStream[]> {
    return this.#ask((router) => router.running(now, own, older));
  }

  async handOver(to: string, until: UnixSeconds): Promise<HandedOver> {
    return this.#ask((router) => router.handOver(to, until));
  }

  /** Removes expired rows, and the object's storage with the last one. */
  override async alarm(): Promise<void> {
    this.#reminded = false;
    const { store } = this.#open();
    store.prune(systemClock());
    if (store.nextRemoval !== undefined) return this.#remind(store);
    // The next request opens an empty store.
    this.#opened = undefined;
    await this.ctx.storage.deleteAll();
  }

  async #ask<Answer>(question: (router: LeaseRouter) => Promise<Answer>): Promise<Answer> {
    const { store, router } = this.#open();
    const answer = await question(router);
    await this.#remind(store);
    return answer;
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    const rows = sqlLeaseRows(this.ctx.storage.sql);
    const store = new LeaseStore(rows, leaseTimes(leaseTtlOf(this.env)), { hmac: nobleHmac, random });
    const router = leaseRouter(store, (name) => this.env.SUBJECT_LEASES.get(this.env.SUBJECT_LEASES.idFromName(name)));
    this.#opened = { store, router };
    return this.#opened;
  }

  /** One alarm is enough: rows that expire before it are removed with the rest. */
  async #remind({ nextRemoval }: LeaseStore): Promise<void> {
    if (this.#reminded || nextRemoval === undefined) return;
    this.#reminded = true;
    try {
      if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(nextRemoval * 1000);
    } catch (failure) {
      this.#reminded = false;
      throw failure;
    }
  }
}

const time = z
  .number()
  .refine(isUnixSeconds, "not a Unix time")
  .transform((value): UnixSeconds => unixSeconds(value));
const kindSchema = z.enum(revocationKinds);
const makerSchema = z.enum(revocationMakers);
const entriesSchema = z.array(
  z.object({
    kind: kindSchema,
    value: z.string().min(1).max(longestName),
    cause: z.enum(revocationCauses),
    at: time,
    until: time,
    lastGrant: time.optional(),
    subject: z.string().min(1).max(longestName).optional(),
    note: noteSchema.optional(),
  }),
);
const detailSchema = z.enum(revocationDetails).default("plain");

/** The shortest and longest time until the alarm that removes expired entries, in milliseconds. */
const sweep = { soonest: 60_000, latest: 24 * 3_600_000 };

/**
 * The revocation log: one object in SQLite, so that a restart loses nothing. It validates its arguments, since the
 * calling worker may be of another version. Each method throws if the storage fails.
 */
export class RevocationLog extends DurableObject {
  readonly #store: RevocationStore;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const { storage } = state;
    const transaction = <Value>(work: () => Value) => storage.transactionSync(work);
    this.#store = openRevocationStore({ sql: storage.sql, transaction }, systemMillisecondClock);
  }

  /** Returns the number of skipped entries. */
  async append(entries: unknown, by: unknown): Promise<number> {
    const skipped = this.#store.append(entriesSchema.parse(entries), makerSchema.parse(by));
    if ((await this.ctx.storage.getAlarm()) === null) await this.#setAlarm();
    return skipped;
  }

  shorten(kind: string, value: string, until: unknown): void {
    this.#store.shorten(kindSchema.parse(kind), value, time.parse(until));
  }

  lift(kind: string, value: string): boolean {
    return this.#store.lift(kindSchema.parse(kind), value);
  }

  /** A page in the format of `writePage`. */
  since(cursor: number, detail?: unknown): string {
    return writePage(this.#store.since(cursor, detailSchema.parse(detail)));
  }

  override async alarm(): Promise<void> {
    this.#store.removeEnded();
    await this.#setAlarm();
  }

  async #setAlarm(): Promise<void> {
    const end = this.#store.nextEnd();
    if (end === undefined) return;
    const now = Date.now();
    await this.ctx.storage.setAlarm(Math.min(Math.max(end * 1000, now + sweep.soonest), now + sweep.latest));
  }
}
