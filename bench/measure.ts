/** Does one round's work and tells what a unit of it (a playlist, a request) took, in microseconds. */
export type Timed = () => Promise<number>;

/** What was measured of one thing: microseconds a unit, one number a round. */
export type Rounds = readonly number[];

/**
 * Measures several things in turn, round after round, every other round backwards: whatever else the machine is doing
 * meanwhile falls on all of them alike, and what is compared was measured side by side. The first round warms up and is
 * thrown away.
 */
export async function measureInTurn<Name extends string>(
  things: Readonly<Record<Name, Timed>>,
  rounds: number,
): Promise<(name: Name) => Rounds> {
  const taken = new Map<Name, number[]>();
  for (const name in things) taken.set(name, []);
  for (let round = 0; round <= rounds; round++) {
    for (const [name, microseconds] of round % 2 === 0 ? taken : [...taken].toReversed()) {
      const measured = await things[name]();
      if (round > 0) microseconds.push(measured);
    }
  }
  return (name) => taken.get(name) ?? [];
}

/** Tells microseconds since some moment. */
export type MicrosecondClock = () => number;

/**
 * The CPU that this process has used, the collecting of its garbage and the compiling of its code among it. What other
 * programs take of the machine meanwhile does not count, so it is steadier than the clock on the wall.
 */
export const ownCpu: MicrosecondClock = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Times `work`, which does `units` units of it, and what it leaves behind in the background: `rest` waits for that. */
export function timed(
  clock: MicrosecondClock,
  units: number,
  work: () => Promise<void>,
  rest: () => Promise<void> = async () => undefined,
): Timed {
  return async () => {
    const began = clock();
    await work();
    await rest();
    return (clock() - began) / units;
  };
}

export interface Ratio {
  readonly value: number;
  /** Half of all rounds, each compared with its own neighbour, lie between these two. */
  readonly low: number;
  readonly high: number;
}

/**
 * How many times faster `ours` was than `theirs`: by the mean of the middle half of the rounds of each. It forgets the
 * rounds that something else broke into, as a median does, and wanders less than one.
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

/** The value below which the part `q` of all values lies, interpolated. */
export function quantile(values: Rounds, q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
