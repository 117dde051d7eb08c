import { roundDownTo, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import { type GroupBy, groupings, type RequestTraits } from "./gathered.ts";

/** The refusals of one group in ten minutes. */
export interface KeptGroup {
  readonly at: UnixSeconds;
  readonly by: GroupBy;
  readonly value: string;
  readonly code: string;
  readonly count: number;
}

/** The value of requests that do not tell, and of groups that have no place. */
const unknownGroup = "unknown";
export const otherGroups = "other";
/** Before the code of a request that was served in spite of it, because its asset is not enforced. */
export const observedGroup = "observed_";

const window = seconds(600);
const hour = seconds(3_600);
/** The most pairs of value and code of one grouping in a window. Those beyond count as {@link otherGroups}. */
const mostPairs = 2_000;

/** How a trait of a request is spelled as a group. */
export function groupOf(by: GroupBy, traits: RequestTraits): string {
  const value = traits[by];
  if (value === undefined) return unknownGroup;
  return typeof value === "number" ? `AS${value}` : value;
}

/** A refusal's place in each grouping, for the report of an isolate. */
export function groupsOf(traits: RequestTraits): readonly (readonly [by: GroupBy, value: string])[] {
  return groupings.map((by) => [by, groupOf(by, traits)] as const);
}

/** The refusals of the last hour by asset, country, network and player, in windows of ten minutes. */
export class GroupCounts {
  /** By the start of the window and the grouping; the inner maps by `value LF code`. */
  readonly #windows = new Map<number, Map<GroupBy, Map<string, number>>>();

  add(by: GroupBy, value: string, code: string, more: number, at: UnixSeconds): void {
    const start = roundDownTo(window, at);
    const groups = this.#windows.get(start) ?? new Map<GroupBy, Map<string, number>>();
    this.#windows.set(start, groups);
    const pairs = groups.get(by) ?? new Map<string, number>();
    groups.set(by, pairs);
    const own = `${value}\n${code}`;
    const pair = pairs.has(own) || pairs.size < mostPairs ? own : `${otherGroups}\n${code}`;
    pairs.set(pair, (pairs.get(pair) ?? 0) + more);
  }

  /** The refusals per value and code, of the last hour to the nearest ten minutes. */
  of(by: GroupBy, now: UnixSeconds): ReadonlyMap<string, Readonly<Record<string, number>>> {
    this.forget(now);
    const sums = new Map<string, Record<string, number>>();
    for (const groups of this.#windows.values())
      for (const [pair, count] of groups.get(by) ?? []) {
        const [value = "", code = ""] = pair.split("\n");
        const codes = sums.get(value) ?? {};
        codes[code] = (codes[code] ?? 0) + count;
        sums.set(value, codes);
      }
    return sums;
  }

  forget(now: UnixSeconds): void {
    for (const at of this.#windows.keys()) if (at <= now - hour - window / 2) this.#windows.delete(at);
  }

  kept(now: UnixSeconds): KeptGroup[] {
    this.forget(now);
    return [...this.#windows].flatMap(([at, groups]) =>
      [...groups].flatMap(([by, pairs]) =>
        [...pairs].map(([pair, count]) => {
          const [value = "", code = ""] = pair.split("\n");
          return { at: unixSeconds(at), by, value, code, count };
        }),
      ),
    );
  }

  restore(kept: readonly KeptGroup[]): void {
    for (const { at, by, value, code, count } of kept) this.add(by, value, code, count, at);
  }
}
