/** Does the work of one round and returns the time per unit (a playlist, a request) in microseconds. */
export type Timed = () => Promise<number>;

/** One measurement: microseconds per unit, one number per round. */
export type Rounds = readonly number[];

/**
 * Measures several things alternately, round after round, every other round backwards, so that other load on the
 * machine affects all of them equally. The first round warms up and is dropped.
 */
export async function measureInTurn<Name extends string>(
  cases: Readonly<Record<Name, Timed>>,
  rounds: number,
): Promise<(name: Name) => Rounds> {
  const results = new Map<Name, number[]>();
  for (const name in cases) results.set(name, []);
  for (let round = 0; round <= rounds; round++) {
    for (const [name, microseconds] of round % 2 === 0 ? results : [...results].toReversed()) {
      const measured = await cases[name]();
      if (round > 0) microseconds.push(measured);
    }
  }
  return (name) => results.get(name) ?? [];
}

/** Microseconds since an arbitrary moment. */
export type MicrosecondClock = () => number;

/**
 * The CPU time of this process, including garbage collection and compilation. It is steadier than wall time, because
 * other programs do not count.
 */
export const ownCpu: MicrosecondClock = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Times `work`, which does `units` units, including its background work: `rest` waits for that. */
export function timed(
  clock: MicrosecondClock,
  units: number,
  work: () => Promise<void>,
  rest: () => Promise<void> = async () => undefined,
): Timed {
  return async () => {
    const start = clock();
    await work();
    await rest();
    return (clock() - start) / units;
  };
}

export interface Ratio {
  readonly value: number;
  /** Half of all rounds, each compared with its neighbour, are between these two. */
  readonly low: number;
  readonly high: number;
}

/**
 * How many times faster `ours` was than `theirs`, by the mean of the middle half of the rounds. Like a median it
 * ignores disturbed rounds, with less variance.
 */
export function speedRatio(ours: Rounds, theirs: Rounds): Ratio {
  const ratios = ours.map((microseconds, round) => (theirs[round] ?? Number.NaN) / microseconds);
  return { value: middleMean(theirs) / middleMean(ours), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

function middleMean(rounds: Rounds): number {
  const [low, high] = [quantile(rounds, 0.25), quantile(rounds, 0.75)];
  const middle = rounds.filter((round) => round >= low && round <= high);
  return middle.reduce((sum, round) => sum + round, 0) / middle.length;
}

/** The quantile `q` of all values, interpolated. */
export function quantile(values: Rounds, q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}
