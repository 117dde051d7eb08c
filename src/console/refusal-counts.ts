import type { RefusalsOfHour } from "../metrics/gathered.ts";
import { sumsOf } from "../operator/counts.ts";

/** The remaining codes are counted together, without a colour. */
const colours = 7;
export const others = "other codes";

export interface CodeCount {
  readonly code: string;
  readonly count: number;
  /** 1 to {@link colours}; 0 for {@link others}. */
  readonly colour: number;
}

/**
 * The codes of the hour, the most frequent first. A code always has the same colour, unless a more frequent one uses
 * it.
 */
export function codesOf({ minutes }: RefusalsOfHour): readonly CodeCount[] {
  const sorted = sumsOf(minutes.map(({ counts: ofMinute }) => ofMinute));
  const named = sorted.length > colours ? sorted.slice(0, colours - 1) : sorted;
  const used = new Set<number>();
  const counts = named.map(([code, count]) => ({ code, count, colour: freeColour(preferredColour(code), used) }));
  const left = sorted.slice(named.length).reduce((sum, [, count]) => sum + count, 0);
  return left === 0 ? counts : [...counts, { code: others, count: left, colour: 0 }];
}

/** The top of the chart: 1, 2, 4, 6 or 8 times a power of ten, and at least 2, so that half of it is a whole number. */
export function chartTop(highest: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 1)));
  const step = [1, 2, 4, 6, 8, 10].find((times) => times * power >= highest) ?? 10;
  return Math.max(step * power, 2);
}

function preferredColour(code: string): number {
  let sum = 0;
  for (const letter of code) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  return sum % colours;
}

function freeColour(preferred: number, used: Set<number>): number {
  let colour = preferred;
  while (used.has(colour)) colour = (colour + 1) % colours;
  used.add(colour);
  return colour + 1;
}
