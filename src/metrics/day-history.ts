import * as z from "zod";
import { makeRoom } from "../base/bounded-map.ts";
import { isUnixSeconds, roundDownTo, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import { readSeries } from "./metrics.ts";

/** What changed and may explain a change of the figures: a worker's release, or the state of a key. */
export const markKinds = ["version", "key"] as const;
type MarkKind = (typeof markKinds)[number];

/** Something that holds at the time of a report: `["version", "api 1.2.0"]`, `["key", "session 2026-a active"]`. */
export type StateSeen = readonly [kind: MarkKind, state: string];

/** A state that was not seen in the hour before. */
export interface Mark {
  readonly at: UnixSeconds;
  readonly kind: MarkKind;
  readonly state: string;
}

/** The sums of one bucket; those that are 0 are left out. */
export interface HistoryBucket {
  /** Its start. */
  readonly at: UnixSeconds;
  readonly sums: Readonly<Record<string, number>>;
}

export interface History {
  /** Those with requests, oldest first. */
  readonly buckets: readonly HistoryBucket[];
  /** Oldest first. */
  readonly marks: readonly Mark[];
}

/** Each state with the time when it was last reported. */
export type SeenStates = readonly (readonly [kind: MarkKind, state: string, seenAt: UnixSeconds])[];

/** Two days in buckets of ten minutes: at most 288, about 100 kB as JSON. */
export const bucketLength = seconds(600);
const keptFor = seconds(2 * 86_400);
const most = { marks: 100, states: 200, sums: 40 };
/** A state that nobody reported for so long is marked when it is seen again. While a release rolls out, both are seen. */
const forgottenAfter = seconds(3_600);

const causes: ReadonlySet<string> = new Set(["ours", "origin", "provider", "viewer"]);

/** The sums of two days in coarse buckets, and what changed meanwhile. */
export class DayHistory {
  /** By the start of the bucket. */
  readonly #buckets = new Map<number, Map<string, number>>();
  readonly #states = new Map<string, SeenStates[number]>();
  #marks: readonly Mark[] = [];

  /** Adds an increment of a series at a time. Series without a figure are ignored. */
  add(series: string, more: number, at: UnixSeconds): void {
    const sum = sumOf(series);
    if (sum === undefined || more === 0) return;
    const start = roundDownTo(bucketLength, at);
    const bucket = this.#buckets.get(start) ?? new Map<string, number>();
    this.#buckets.set(start, bucket);
    bucket.set(sum, (bucket.get(sum) ?? 0) + more);
  }

  /** Notes what a report says of its worker. The first states of a kind are no change. */
  see(states: readonly StateSeen[], at: UnixSeconds): void {
    const known = new Set([...this.#states.values()].map(([kind, state]) => subjectOf(kind, state)));
    for (const [kind, state] of states) {
      const name = `${kind} ${state}`;
      const last = this.#states.get(name)?.[2];
      const isNew = last === undefined || at > last + forgottenAfter;
      if (isNew && known.has(subjectOf(kind, state)))
        this.#marks = [...this.#marks, { at, kind, state }].slice(-most.marks);
      this.#states.delete(name);
      makeRoom(this.#states, most.states);
      this.#states.set(name, [kind, state, at]);
    }
  }

  /** Removes what is older than two days. */
  forget(now: UnixSeconds): void {
    const oldest = roundDownTo(bucketLength, now) - keptFor;
    for (const at of this.#buckets.keys()) if (at <= oldest) this.#buckets.delete(at);
    if (this.#marks.some(({ at }) => at <= oldest)) this.#marks = this.#marks.filter(({ at }) => at > oldest);
  }

  history(now: UnixSeconds): History {
    this.forget(now);
    const sorted = [...this.#buckets].toSorted(([a], [b]) => a - b);
    const buckets = sorted.map(([at, sums]) => ({ at: unixSeconds(at), sums: Object.fromEntries(sums) }));
    return { buckets, marks: this.#marks };
  }

  states(): SeenStates {
    return [...this.#states.values()];
  }

  restore({ buckets, marks }: History, states: SeenStates): void {
    for (const { at, sums } of buckets) this.#buckets.set(at, new Map(Object.entries(sums)));
    this.#marks = marks;
    for (const seen of states) this.#states.set(`${seen[0]} ${seen[1]}`, seen);
  }
}

/** Releases are compared per worker, keys per purpose. */
function subjectOf(kind: MarkKind, state: string): string {
  return `${kind} ${state.slice(0, state.indexOf(" "))}`;
}

/** The sum that a series is part of. */
function sumOf(series: string): string | undefined {
  if (!/^stagedoor_(refused|unserved|served|started|cache|origin_sec|live_delay_sec)/.test(series)) return undefined;
  const { name = "", labels = {} } = readSeries(series) ?? {};
  const { what = "", cause = "", outcome = "" } = labels;
  switch (name) {
    case "stagedoor_refused_total":
      return "refused";
    case "stagedoor_started_total":
      return "start_accepted";
    case "stagedoor_served_total":
      return outcome === "served" ? "media_accepted" : undefined;
    case "stagedoor_unserved_total":
      return (what === "start" || what === "media") && causes.has(cause) ? `${what}_${cause}` : undefined;
    case "stagedoor_cache_total":
      return outcome === "hit" || outcome === "miss" ? `cache_${outcome}` : undefined;
    case "stagedoor_origin_seconds_count":
      return outcome === "answered" ? "origin_answered" : "origin_failed";
    case "stagedoor_origin_seconds_sum":
      return outcome === "answered" ? "origin_seconds" : undefined;
    case "stagedoor_live_delay_seconds_count":
      return "live_versions";
    case "stagedoor_live_delay_seconds_sum":
      return "live_seconds";
    default:
      return undefined;
  }
}

// Another version may know other sums and states.

const time = z.number().refine(isUnixSeconds);
const sum = z.string().regex(/^[a-z][a-z_]{0,31}$/);
const state = z.string().regex(/^[\w.-]{1,64}( [\w.+:-]{1,128}){1,2}$/);
const kind = z.enum(markKinds);

/** Two days, not more than a bucket can have. */
export const bucketSchema: z.ZodType<HistoryBucket> = z.object({
  at: time,
  sums: z.record(sum, z.number().nonnegative()).refine((sums) => Object.keys(sums).length <= most.sums),
});
export const markSchema: z.ZodType<Mark> = z.object({ at: time, kind, state });
export const seenStateSchema: z.ZodType<SeenStates[number]> = z.tuple([kind, state, time]);
export const historySchema: z.ZodType<History> = z.object({
  buckets: z.array(bucketSchema),
  marks: z.array(markSchema),
});

/** States of a kind or form that this version does not know are ignored. */
export const statesSchema = z
  .array(z.unknown())
  .max(most.states)
  .transform((states) =>
    states.flatMap((one): StateSeen[] => {
      const { data } = z.tuple([kind, state]).safeParse(one);
      return data === undefined ? [] : [data];
    }),
  );
