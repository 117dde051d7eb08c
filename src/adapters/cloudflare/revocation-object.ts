import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import { systemMillisecondClock } from "../../base/milliseconds.ts";
import { type RevocationDelta, revocationKinds } from "../../sessions/revocation.ts";
import { openRevocationBook, type RevocationBook } from "../../sessions/revocation-book.ts";
import { revocationSchema } from "../../sessions/revocation-schema.ts";

const entriesSchema = z.array(revocationSchema);
const kindSchema = z.enum(revocationKinds);

/** In milliseconds: how often it is worth to look for what has ended, and how late an alarm may be set. */
const sweep = { soonest: 10 * 60_000, latest: 24 * 3_600_000 };

/**
 * The revocation log: one object for all, in SQLite, so that a restart loses nothing. What comes in is checked once more: the
 * worker that calls may be of another version. Each method throws where the storage fails.
 */
export class RevocationObject extends DurableObject {
  readonly #book: RevocationBook;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const { storage } = state;
    const transaction = <Value>(work: () => Value) => storage.transactionSync(work);
    this.#book = openRevocationBook({ sql: storage.sql, transaction }, systemMillisecondClock);
  }

  async append(entries: unknown): Promise<void> {
    this.#book.append(entriesSchema.parse(entries));
    if ((await this.ctx.storage.getAlarm()) === null) await this.#setAlarm();
  }

  lift(kind: string, value: string): boolean {
    return this.#book.lift(kindSchema.parse(kind), value);
  }

  since(cursor: number): RevocationDelta {
    return this.#book.since(cursor);
  }

  override async alarm(): Promise<void> {
    this.#book.removeEnded();
    await this.#setAlarm();
  }

  async #setAlarm(): Promise<void> {
    const end = this.#book.nextEnd();
    if (end === undefined) return;
    const now = Date.now();
    await this.ctx.storage.setAlarm(Math.min(Math.max(end * 1000, now + sweep.soonest), now + sweep.latest));
  }
}
