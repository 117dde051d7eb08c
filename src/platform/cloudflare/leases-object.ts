import { DurableObject } from "cloudflare:workers";
import type { RatePolicy, RateStanding } from "../../auth/rate-limit.ts";
import { defaultLeaseTtl } from "../../base/constants.ts";
import { readDecimal } from "../../base/encoding.ts";
import { seconds, systemClock, type UnixSeconds } from "../../base/time.ts";
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
import { type LeaseDesk, leaseDesk } from "../../sessions/lease-router.ts";
import { sqlLeaseRows } from "../../sessions/lease-rows-sql.ts";
import type { LeaseTimes } from "../../sessions/lease-rules.ts";
import { type HandedOver, LeaseBook } from "../../sessions/lease-store.ts";
import { nobleHmac } from "./noble-hmac.ts";

export interface SubjectLeasesEnv {
  /** Where these objects are bound: they reach a subject's other names through it. */
  readonly SUBJECT_LEASES: DurableObjectNamespace<SubjectLeases>;
  /** How long a silent session holds its lease, in seconds; 90 by default. */
  readonly STAGEDOOR_LEASE_TTL?: string;
}

interface Opened {
  readonly book: LeaseBook;
  readonly desk: LeaseDesk;
}

/** The streams of one subject under one of his names. See {@link leaseDesk} for what it does. */
export class SubjectLeases extends DurableObject<SubjectLeasesEnv> implements LeaseDesk {
  #opened: Opened | undefined;
  #reminded = false;

  async claim(claim: LeaseClaim, own: string, older: readonly string[]): Promise<ClaimAnswer> {
    return this.#ask((desk) => desk.claim(claim, own, older));
  }

  async take(policy: RatePolicy, now: UnixSeconds, own: string, older: readonly string[]): Promise<RateStanding> {
    return this.#ask((desk) => desk.take(policy, now, own, older));
  }

  async touch(touch: LeaseTouch): Promise<TouchAnswer> {
    return this.#ask((desk) => desk.touch(touch));
  }

  async end(ending: StreamEnding): Promise<EndedStream> {
    return this.#ask((desk) => desk.end(ending));
  }

  async endLogin(ending: LoginEnding): Promise<LoginEnded> {
    return this.#ask((desk) => desk.endLogin(ending));
  }

  async show(sessionId: string, now: UnixSeconds): Promise<StreamState | undefined> {
    return this.#ask((desk) => desk.show(sessionId, now));
  }

  async running(now: UnixSeconds, own: string, older: readonly string[]): Promise<readonly RunningStream[]> {
    return this.#ask((desk) => desk.running(now, own, older));
  }

  async handOver(to: string, until: UnixSeconds): Promise<HandedOver> {
    return this.#ask((desk) => desk.handOver(to, until));
  }

  /** Removes what is over, and the object with the last of it. */
  override async alarm(): Promise<void> {
    this.#reminded = false;
    const { book } = this.#open();
    book.prune(systemClock());
    if (book.nextRemoval !== undefined) return this.#remind(book);
    // What is asked next finds an empty store, and opens it anew.
    this.#opened = undefined;
    await this.ctx.storage.deleteAll();
  }

  async #ask<Answer>(question: (desk: LeaseDesk) => Promise<Answer>): Promise<Answer> {
    const { book, desk } = this.#open();
    const answer = await question(desk);
    await this.#remind(book);
    return answer;
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
    const rows = sqlLeaseRows(this.ctx.storage.sql);
    const book = new LeaseBook(rows, leaseTimes(this.env.STAGEDOOR_LEASE_TTL), { hmac: nobleHmac, random });
    const desk = leaseDesk(book, (name) => this.env.SUBJECT_LEASES.get(this.env.SUBJECT_LEASES.idFromName(name)));
    this.#opened = { book, desk };
    return this.#opened;
  }

  /** One alarm is enough: what is over before it is removed with the rest. */
  async #remind({ nextRemoval }: LeaseBook): Promise<void> {
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

function leaseTimes(setting = String(defaultLeaseTtl)): LeaseTimes {
  const ttl = readDecimal(setting);
  if (ttl === undefined || ttl < 1) throw new RangeError(`STAGEDOOR_LEASE_TTL is no number of seconds: ${setting}`);
  // A lease that is written down more rarely than this would lapse between two writes.
  return { leaseTtl: seconds(ttl), writeInterval: seconds(Math.min(30, Math.floor(ttl / 3))) };
}
