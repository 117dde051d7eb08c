import { setTimeout as after } from "node:timers/promises";
import { type Session, type Viewer, viewerOf } from "../test/cluster/viewer.ts";
import { type CountedCluster, type ProofEnvironment, shortLifetimes } from "./environment.ts";
import type { HelperOptions, OpenOptions, Player, PlayerState } from "./player.ts";
import type { Result } from "./result.ts";
import type { Findings, Scenario } from "./scenario.ts";

let runs = 0;

/** One stream in one player. */
export interface Task {
  readonly scenario: Scenario;
  readonly asset: string;
  readonly player: Player;
}

/**
 * Plays one stream in one player by a scenario, and returns the result. `unprotected` plays the same stream from the
 * unprotected server, for comparison. Never throws.
 */
export async function playScenario(
  task: Task,
  environment: ProofEnvironment,
  short: boolean,
  unprotected = false,
): Promise<Result> {
  const { scenario, asset, player } = task;
  const run = `run-${++runs}`;
  const cluster = await environment.cluster(scenario.settings ?? shortLifetimes, scenario.rotationInterval);
  const { log } = unprotected ? environment.unprotected : cluster.media;
  const observed: { state: PlayerState | undefined } = { state: undefined };
  const play = async (): Promise<Findings> => {
    const { streams } = scenario;
    const claims = { lifetimeSeconds: 3600, ...(streams !== undefined && { streams }) };
    const viewer = await viewerOf(cluster.addresses, run, claims);
    const session = await viewer.start({ asset });
    const url = unprotected ? environment.unprotectedUrl(asset) : session.manifestUrl;
    const playback = await player.open(url, run, optionsOf(scenario, asset, cluster, viewer, session));
    try {
      const scene = { playback, asset, short, viewer, session, cluster, wait: (s: number) => after(s * 1000) };
      const exchanges = () => log.of(run);
      const state = async () => {
        observed.state = await playback.state();
        return observed.state;
      };
      const until = waiter(state, scenario.isCut === true);
      return await scenario.perform({ ...scene, exchanges, until, watch: watcher(state) });
    } finally {
      observed.state = await playback.state().catch(() => observed.state);
      await playback.stop();
    }
  };
  const limit = timeLimit(scenario, short);
  const timeout = new AbortController();
  const findings = await Promise.race<Findings>([
    play(),
    after(limit * 1000, { faults: [`did not finish within ${limit} s`] }, { signal: timeout.signal }),
  ]).catch((error: unknown): Findings => ({ faults: [errorText(error)] }));
  timeout.abort();
  return {
    scenario: scenario.name,
    player: player.name,
    asset,
    ...log.count(run),
    stalls: observed.state?.stalls ?? [],
    fatal: observed.state?.fatal ?? [],
    faults: findings.faults ?? [],
    endedAfter: findings.endedAfter,
    latency: findings.latency,
    notes: findings.notes ?? [],
  };
}

/** The maximum number of seconds of a run, so that a page that no longer responds does not block the others. */
function timeLimit({ seconds }: Scenario, short: boolean): number {
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

function waiter(state: () => Promise<PlayerState>, mayGiveUp: boolean) {
  return async (goal: string, condition: (state: PlayerState) => boolean, seconds: number) => {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const now = await state();
      if (condition(now)) return now;
      if (performance.now() > end) throw new Error(`did not get to ${goal} (is at ${now.time.toFixed(1)} s)`);
      if (now.fatal.length > 0 && !mayGiveUp) throw new Error(`gave up before ${goal}`);
      await after(100);
    }
  };
}

function watcher(state: () => Promise<PlayerState>) {
  return async (seconds: number): Promise<Findings> => {
    const start = await state();
    const latencies: number[] = [];
    for (let second = 0; second < seconds; second++) {
      await after(1000);
      const { latency, fatal } = await state();
      if (fatal.length > 0) return {};
      if (latency !== undefined && latency !== null) latencies.push(latency);
    }
    const played = (await state()).time - start.time;
    // A player that catches up with the live edge, or falls back to it, runs slightly faster or slower than the clock.
    const faults = played < seconds * 0.9 ? [`played ${played.toFixed(1)} s in ${seconds} s`] : [];
    const median = latencies.toSorted((one, other) => one - other)[Math.floor(latencies.length / 2)];
    return { faults, ...(median === undefined ? {} : { latency: Math.round(median) }) };
  };
}

function errorText(error: unknown): string {
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return first.replace(/https?:\S+/g, "<url>");
}
