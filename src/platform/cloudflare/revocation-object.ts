import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import { isUnixSeconds, systemMillisecondClock, type UnixSeconds, unixSeconds } from "../../base/time.ts";
import { revocationCauses, revocationKinds, revocationMakers } from "../../sessions/revocation.ts";
import { longestName, openRevocationStore, type RevocationStore, writePage } from "../../sessions/revocation-store.ts";

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
  }),
);

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
  since(cursor: number): string {
    return writePage(this.#store.since(cursor));
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
