import { setTimeout as after } from "node:timers/promises";
import { type CountedCluster, type ProofEnvironment, shortLifetimes } from "./environment.ts";
import type { HelperOptions, OpenOptions, Player, PlayerState } from "./player.ts";
import type { Result } from "./result.ts";
import type { Findings, Scenario } from "./scenario.ts";
import { type Session, Viewer } from "./viewer.ts";

let runs = 0;

/** One stream in one player. */
export interface Task {
  readonly scenario: Scenario;
  readonly asset: string;
  readonly player: Player;
}

/**
 * Plays one stream in one player as a scenario says, and tells what came of it; `unprotected`: the same stream from where
 * anybody may have it, to compare with. Never throws.
 */
export async function playScenario(
  task: Task,
  environment: ProofEnvironment,
  short: boolean,
  unprotected = false,
): Promise<Result> {
  const { scenario, asset, player } = task;
  const run = `run-${++runs}`;
  const cluster = await environment.cluster(scenario.settings ?? shortLifetimes, scenario.rotatesEvery);
  const { log } = unprotected ? environment.unprotected : cluster.media;
  const seen: { last: PlayerState | undefined } = { last: undefined };
  const play = async (): Promise<Findings> => {
    const viewer = await Viewer.of(cluster.addresses, run, scenario.streams);
    const session = await viewer.start(asset);
    const url = unprotected ? environment.unprotectedUrl(asset) : session.manifestUrl;
    const playback = await player.open(url, run, optionsOf(scenario, asset, cluster, viewer, session));
    try {
      const scene = { playback, asset, short, viewer, session, cluster, wait: (s: number) => after(s * 1000) };
      const exchanges = () => log.of(run);
      const state = async () => {
        seen.last = await playback.state();
        return seen.last;
      };
      const until = waitingFor(state, scenario.isCut === true);
      return await scenario.perform({ ...scene, exchanges, until, watch: watching(state) });
    } finally {
      seen.last = await playback.state().catch(() => seen.last);
      await playback.stop();
    }
  };
  const limit = longestFor(scenario, short);
  const late = new AbortController();
  const findings = await Promise.race<Findings>([
    play(),
    after(limit * 1000, { faults: [`did not finish within ${limit} s`] }, { signal: late.signal }),
  ]).catch((error: unknown): Findings => ({ faults: [wordsOf(error)] }));
  late.abort();
  return {
    scenario: scenario.name,
    player: player.name,
    asset,
    ...log.count(run),
    stalls: seen.last?.stalls ?? [],
    fatal: seen.last?.fatal ?? [],
    faults: findings.faults ?? [],
    endedAfter: findings.endedAfter,
    latency: findings.latency,
    notes: findings.notes ?? [],
  };
}

/** How many seconds a performance may take: a page that answers no more would hold up the whole run. */
function longestFor({ seconds }: Scenario, short: boolean): number {
  return 60 + 3 * (short ? seconds.short : seconds.full);
}

function optionsOf(
  { options, helper }: Scenario,
  asset: string,
  { addresses: { apiUrl } }: CountedCluster,
  { token }: Viewer,
  { sessionId, sessionExpiresAt }: Session,
): OpenOptions {
  if (helper === undefined) return options ?? {};
  const own: HelperOptions = { ...helper, apiUrl, token, asset, sessionId, sessionExpiresAt };
  return { ...options, helper: own };
}

function waitingFor(state: () => Promise<PlayerState>, mayGiveUp: boolean) {
  return async (what: string, holds: (state: PlayerState) => boolean, seconds: number) => {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const now = await state();
      if (holds(now)) return now;
      if (performance.now() > end) throw new Error(`did not get to ${what} (is at ${now.time.toFixed(1)} s)`);
      if (now.fatal.length > 0 && !mayGiveUp) throw new Error(`gave up before ${what}`);
      await after(100);
    }
  };
}

function watching(state: () => Promise<PlayerState>) {
  return async (seconds: number): Promise<Findings> => {
    const began = await state();
    const latencies: number[] = [];
    for (let second = 0; second < seconds; second++) {
      await after(1000);
      const { latency, fatal } = await state();
      if (fatal.length > 0) return {};
      if (latency !== undefined && latency !== null) latencies.push(latency);
    }
    const played = (await state()).time - began.time;
    // A player that catches up with the live edge, or falls back to it, runs a little faster or slower than the clock.
    const faults = played < seconds * 0.9 ? [`played ${played.toFixed(1)} s in ${seconds} s`] : [];
    const middle = latencies.toSorted((one, other) => one - other)[Math.floor(latencies.length / 2)];
    return { faults, ...(middle === undefined ? {} : { latency: Math.round(middle) }) };
  };
}

function wordsOf(error: unknown): string {
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return first.replace(/https?:\S+/g, "<url>");
}
