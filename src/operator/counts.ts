import { causeOf } from "../http/cause.ts";
import type { Asked, Cause, MinuteCounts, RefusalsOfHour } from "../metrics/gathered.ts";

/** What came of viewers' starts or media requests in some minutes. */
export interface Answered {
  readonly requested: number;
  readonly accepted: number;
  readonly refused: Readonly<Record<Cause, number>>;
  /** The refusals per code, the most frequent first. */
  readonly codes: readonly (readonly [code: string, count: number])[];
}

/** The requests of one kind in the last minutes, by what came of them and whose fault that was. */
export function answeredIn(minutes: readonly MinuteCounts[], asked: Asked, last = minutes.length): Answered {
  const seen = minutes.slice(minutes.length - last).map(({ viewers }) => viewers[asked]);
  const accepted = seen.reduce((sum, one) => sum + one.accepted, 0);
  const codes = sumsOf(seen.map((one) => one.refused));
  const refused = { ours: 0, origin: 0, provider: 0, viewer: 0 };
  for (const [code, count] of codes) refused[causeOf(code)] += count;
  return { requested: codes.reduce((sum, [, count]) => sum + count, accepted), accepted, refused, codes };
}

/** The sums of several counts per code, the largest first. */
export function sumsOf(
  counts: readonly Readonly<Record<string, number>>[],
): readonly (readonly [code: string, count: number])[] {
  const sums = new Map<string, number>();
  for (const one of counts)
    for (const [code, count] of Object.entries(one)) if (count > 0) sums.set(code, (sums.get(code) ?? 0) + count);
  return [...sums].toSorted(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
}

/** All refusals in the whole hour, or in its last minutes. */
export function countRefusals(
  { minutes }: Pick<RefusalsOfHour, "minutes">,
  last = minutes.length,
  isCounted = (_code: string) => true,
): number {
  const sums = sumsOf(minutes.slice(minutes.length - last).map(({ counts }) => counts));
  return sums.reduce((sum, [code, count]) => (isCounted(code) ? sum + count : sum), 0);
}

/** `1 session`, `1,204 sessions`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

export function formatNumber(count: number): string {
  return count.toLocaleString("en");
}

/** `97.5%`, rounded down, so that only all are 100%. */
export function percentOf(part: number, whole: number): string {
  return `${Math.floor((part / whole) * 1_000) / 10}%`;
}
