import type { Stall } from "./player.ts";
import type { Counts } from "./request-log.ts";
import type { Scenario } from "./scenario.ts";

/** What came of one run. */
export interface Result extends Counts {
  readonly scenario: string;
  readonly player: string;
  readonly asset: string;
  readonly stalls: readonly Stall[];
  readonly fatal: readonly string[];
  /** What the scenario itself found wrong. */
  readonly faults: readonly string[];
  readonly endedAfter: number | undefined;
  readonly latency: number | undefined;
  readonly notes: readonly string[];
}

/** A result beside that of the same stream unprotected, where that was played as well. */
export interface Judged {
  readonly result: Result;
  readonly unprotected: Result | undefined;
  /** Whether the player does not come to its end unprotected either. */
  readonly alike: boolean;
  /** In words; empty where nothing falls short. */
  readonly shortfalls: readonly string[];
  /** What fell short when it was played beside others, where this is what it did alone. */
  readonly first?: readonly string[];
}

/** Milliseconds within which a session that was ended stops. */
const mostUntilEnded = 2000;

type Rules = Pick<Scenario, "meant" | "isCut" | "compared">;

/** What of a result may be the player's own way, which shows when it plays the stream unprotected. */
export function mayBeThePlayers({ stalls, initFetches, keyFetches, faults }: Result, { isCut }: Rules): boolean {
  if (isCut === true) return false;
  return stalls.length > 0 || initFetches > 1 || keyFetches > 1 || faults.some(isOfThePlayer);
}

/** A player that does not come to where the scenario wants it. */
function isOfThePlayer(fault: string): boolean {
  return fault.startsWith("did not get to");
}

/**
 * Compares a result with the project's promises. A player that stalls, or fetches an initialisation section or a key
 * again, falls short of it only where it does so more than with the same stream unprotected.
 */
export function judge(
  result: Result,
  unprotected: Result | undefined,
  { meant = [], isCut = false, compared = false }: Rules,
): Judged {
  const { stalls, refused, fatal, faults, endedAfter } = result;
  const alike = unprotected?.faults.some(isOfThePlayer) === true;
  const found = faults.filter((fault) => !(alike && isOfThePlayer(fault)));
  const strays = refused.filter((answer) => !meant.some((code) => answer.endsWith(code)));
  if (strays.length > 0) found.push(`refused: ${[...new Set(strays)].join(", ")}`);
  if (!isCut) {
    if (stalls.length > (unprotected?.stalls.length ?? 0))
      found.push(`stalled for ${stalls.map(({ milliseconds }) => milliseconds).join(", ")} ms`);
    if (fatal.length > 0) found.push(`gave up: ${[...new Set(fatal)].join(", ")}`);
  }
  // What was cut short has nothing unprotected to be held to; the same player fetches as often where it is not.
  if (!isCut) found.push(...fetchedAgain(result, unprotected, compared));
  if (endedAfter !== undefined && endedAfter > mostUntilEnded) found.push(`went on for ${endedAfter} ms`);
  return { result, unprotected, shortfalls: found, alike };
}

/** What a player fetched more often than once, and more often than unprotected. */
function fetchedAgain(result: Result, unprotected: Result | undefined, compared: boolean): string[] {
  const { initFetches, keyFetches, playlists } = result;
  // ffmpeg fetches a live stream's initialisation section with every reload of the playlist, whatever its URL.
  const most = (fetches: "initFetches" | "keyFetches") => {
    const theirs = Math.max(1, unprotected?.[fetches] ?? 0);
    return compared && theirs > 1 ? playlists : theirs;
  };
  return [
    ...(initFetches > most("initFetches") ? [`an initialisation section was fetched ${initFetches} times`] : []),
    ...(keyFetches > most("keyFetches") ? [`a key was fetched ${keyFetches} times`] : []),
  ];
}
