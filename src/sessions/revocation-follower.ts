import { type MillisecondClock, type UnixMilliseconds, unixMilliseconds } from "../base/milliseconds.ts";
import type { RevocationDelta } from "./revocation.ts";
import { longestSilence } from "./revocation-merge.ts";
import { HeldRevocations, type RevocationSnapshot } from "./revocation-snapshot.ts";

/** How often one may have to begin anew before the log counts as broken. */
const mostBeginnings = 3;

/**
 * Follows the log. Several requests may do so at once without waiting for each other: each adds what it is told, an answer
 * that was overtaken changes nothing, and the pages that one has read are there for all.
 */
export class RevocationFollower {
  readonly #clock: MillisecondClock;
  #whole: HeldRevocations | undefined;
  #asOf: UnixMilliseconds | undefined;
  /** What pages are added to: the whole, or what takes its place once the last page is read. */
  #growing = new HeldRevocations();
  /** Since when pages were added without a silence in between: when it was last read to its end, or else begun. */
  #growingAsOf: UnixMilliseconds | undefined;

  constructor(clock: MillisecondClock) {
    this.#clock = clock;
  }

  /** All that is forbidden, as far as it is known; undefined before it was read to its end for the first time. */
  get whole(): RevocationSnapshot | undefined {
    return this.#whole;
  }

  /** When the last of it was asked for; what was added before that is in the whole. */
  get asOf(): UnixMilliseconds | undefined {
    return this.#asOf;
  }

  /** Reads on to the log's end. Rejects where `since` does, and where the log leads nowhere; what was read stays read. */
  async follow(since: (cursor: number) => Promise<RevocationDelta>): Promise<void> {
    this.#beginAfterSilence();
    for (let beginnings = 0; beginnings < mostBeginnings; ) {
      const from = this.#growing;
      const { cursor } = from;
      const page = await since(cursor);
      const goesBack = page.cursor < cursor && !page.reset;
      if (page.more && page.cursor <= cursor && !page.reset && !goesBack) throw new Error("a page leads to itself");
      // Another request found that the log has begun anew, and this page is of the time before.
      if (from !== this.#growing) beginnings++;
      else if (goesBack || (page.reset && cursor !== 0)) {
        beginnings++;
        this.#begin();
        // Without `reset` it does not say that it tells everything.
        if (page.reset && this.#take(page)) return;
      } else if (this.#take(page)) return;
    }
    throw new Error("it begins anew over and over");
  }

  #begin(): void {
    this.#growing = new HeldRevocations();
    this.#growingAsOf = undefined;
  }

  /** The log tells for a while only what it has taken back, so a snapshot of before that would hold it for ever. */
  #beginAfterSilence(): void {
    const silence = this.#clock() - (this.#growingAsOf ?? this.#clock());
    if (silence > longestSilence * 1000) this.#begin();
  }

  /** Adds a page; true where it was the last. */
  #take(page: RevocationDelta): boolean {
    // A lower cursor is that of an answer which another one, told later, has overtaken.
    if (page.cursor >= this.#growing.cursor) this.#growing.apply(page);
    this.#growingAsOf ??= page.asOf;
    if (page.more) return false;
    this.#growingAsOf = unixMilliseconds(Math.max(page.asOf, this.#growingAsOf));
    this.#whole = this.#growing;
    // A clock that is ahead must not make an answer look younger than it is: it may have been kept by another isolate's.
    const asOf = Math.min(page.asOf, this.#clock());
    this.#asOf = unixMilliseconds(Math.max(asOf, this.#asOf ?? 0));
    return true;
  }
}
