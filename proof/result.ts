import type { Stall } from "./player.ts";
import type { Counts } from "./request-log.ts";
import type { Scenario } from "./scenario.ts";

/** The result of one run. */
export interface Result extends Counts {
  readonly scenario: string;
  readonly player: string;
  readonly asset: string;
  readonly stalls: readonly Stall[];
  readonly fatal: readonly string[];
  /** Faults that the scenario itself reports. */
  readonly faults: readonly string[];
  readonly endedAfter: number | undefined;
  readonly latency: number | undefined;
  readonly notes: readonly string[];
}

/** A result, and that of the same stream without protection if it was played. */
export interface Judged {
  readonly result: Result;
  readonly unprotected: Result | undefined;
  /** Whether the player does not reach the end without protection either. */
  readonly failsUnprotected: boolean;
  /** The broken promises, in words. */
  readonly shortfalls: readonly string[];
  /** The shortfalls of a first run in parallel with others, if the result is from a repetition alone. */
  readonly first?: readonly string[];
}

/** Milliseconds within which an ended session must stop. */
const longestEnding = 2000;

type Rules = Pick<Scenario, "expectedCodes" | "isCut" | "compared">;

/** Whether a result may be due to the player, which a run without protection would show. */
export function mayBePlayerFault({ stalls, initFetches, keyFetches, faults }: Result, { isCut }: Rules): boolean {
  if (isCut === true) return false;
  return stalls.length > 0 || initFetches > 1 || keyFetches > 1 || faults.some(isPlayerFault);
}

/** Whether the player did not reach the state that the scenario waits for. */
function isPlayerFault(fault: string): boolean {
  return fault.startsWith("did not get to");
}

/**
 * Compares a result with the project's promises. Stalls and repeated fetches of an initialisation section or a key
 * count only if they are worse than for the same stream without protection.
 */
export function judge(
  result: Result,
  unprotected: Result | undefined,
  { expectedCodes = [], isCut = false, compared = false }: Rules,
): Judged {
  const { stalls, refused, fatal, faults, endedAfter } = result;
  const failsUnprotected = unprotected?.faults.some(isPlayerFault) === true;
  const shortfalls = faults.filter((fault) => !(failsUnprotected && isPlayerFault(fault)));
  const unexpected = refused.filter((refusal) => !expectedCodes.some((code) => refusal.endsWith(code)));
  if (unexpected.length > 0) shortfalls.push(`refused: ${[...new Set(unexpected)].join(", ")}`);
  if (!isCut) {
    if (stalls.length > (unprotected?.stalls.length ?? 0))
      shortfalls.push(`stalled for ${stalls.map(({ milliseconds }) => milliseconds).join(", ")} ms`);
    if (fatal.length > 0) shortfalls.push(`gave up: ${[...new Set(fatal)].join(", ")}`);
  }
  // A stream that was cut short has no comparable run without protection. The same player fetches just as often in the
  // other scenarios.
  if (!isCut) shortfalls.push(...repeatedFetches(result, unprotected, compared));
  if (endedAfter !== undefined && endedAfter > longestEnding) shortfalls.push(`continued for ${endedAfter} ms`);
  return { result, unprotected, shortfalls, failsUnprotected };
}

/** Fetches that a player repeated, and repeated more often than without protection. */
function repeatedFetches(result: Result, unprotected: Result | undefined, compared: boolean): string[] {
  const { initFetches, keyFetches, playlists } = result;
  // ffmpeg fetches a live stream's initialisation section with every reload of the playlist, whatever its URL.
  const limit = (fetches: "initFetches" | "keyFetches") => {
    const unprotectedFetches = Math.max(1, unprotected?.[fetches] ?? 0);
    return compared && unprotectedFetches > 1 ? playlists : unprotectedFetches;
  };
  return [
    ...(initFetches > limit("initFetches") ? [`an initialisation section was fetched ${initFetches} times`] : []),
    ...(keyFetches > limit("keyFetches") ? [`a key was fetched ${keyFetches} times`] : []),
  ];
}
