import { DurableObject } from "cloudflare:workers";
import { systemClock } from "../../base/time.ts";
import { leaseTtlOf } from "../../config/settings.ts";
import type { RefusalsOfHour, SessionsNow } from "../../metrics/gathered.ts";
import { StoredGathering } from "../../metrics/stored-gathering.ts";

interface MetricsEnv {
  /** How long a silent session keeps its lease, in seconds; 90 by default. */
  readonly STAGEDOOR_LEASE_TTL?: string;
}

/** One object adds up the counts of all isolates. It is evicted after ten idle seconds, and reads its rows again. */
export class MetricsStore extends DurableObject<MetricsEnv> {
  #opened: StoredGathering | undefined;

  async report(body: unknown): Promise<void> {
    this.#open().report(body);
  }

  async counts(): Promise<(readonly [series: string, value: number])[]> {
    return this.#open().counts();
  }

  async sessions(query: unknown): Promise<SessionsNow> {
    return this.#open().sessions(query);
  }

  async refusals(): Promise<RefusalsOfHour> {
    return this.#open().refusals();
  }

  #open(): StoredGathering {
    const { storage } = this.ctx;
    const store = { sql: storage.sql, transaction: (work: () => void) => storage.transactionSync(work) };
    this.#opened ??= new StoredGathering(store, systemClock, leaseTtlOf(this.env));
    return this.#opened;
  }
}
