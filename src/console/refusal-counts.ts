import type { RefusalsOfHour } from "../metrics/gathered.ts";

/** How many colours there are; what is left over is counted together, in a colour that is none. */
const colours = 7;
/** The name of what is left over. */
export const others = "other codes";

/** A code that the hour has refusals of. */
export interface CodeCount {
  readonly code: string;
  readonly count: number;
  /** 1 to {@link colours}; 0 for the rest. */
  readonly colour: number;
}

/**
 * The codes of the hour, the commonest first, each with its colour. A code keeps its colour from one look to the next, and from
 * day to day, unless a commoner one has it.
 */
export function codesOf({ minutes }: RefusalsOfHour): readonly CodeCount[] {
  const sums = new Map<string, number>();
  for (const { counts } of minutes)
    for (const [code, count] of Object.entries(counts)) if (count > 0) sums.set(code, (sums.get(code) ?? 0) + count);
  const sorted = [...sums].toSorted(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
  const named = sorted.length > colours ? sorted.slice(0, colours - 1) : sorted;
  const taken = new Set<number>();
  const found = named.map(([code, count]) => ({ code, count, colour: take(wished(code), taken) }));
  const left = sorted.slice(named.length).reduce((sum, [, count]) => sum + count, 0);
  return left === 0 ? found : [...found, { code: others, count: left, colour: 0 }];
}

/** All refusals of the hour, or of its last minutes. */
export function sumOf({ minutes }: RefusalsOfHour, last = minutes.length, isCounted = (_code: string) => true): number {
  const counted = minutes.slice(minutes.length - last).flatMap(({ counts }) => Object.entries(counts));
  return counted.reduce((sum, [code, count]) => (isCounted(code) ? sum + count : sum), 0);
}

/** The smallest of 1, 2, 4, 6 and 8 times a power of ten that all bars fit under, and 2 at least, so that it has a half. */
export function roundedTop(highest: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 1)));
  const step = [1, 2, 4, 6, 8, 10].find((times) => times * power >= highest) ?? 10;
  return Math.max(step * power, 2);
}

function wished(code: string): number {
  let sum = 0;
  for (const letter of code) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  return sum % colours;
}

function take(from: number, taken: Set<number>): number {
  let colour = from;
  while (taken.has(colour)) colour = (colour + 1) % colours;
  taken.add(colour);
  return colour + 1;
}
