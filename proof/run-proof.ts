import { allPlayers } from "./all-players.ts";
import { deployments } from "./deployments.ts";
import { type ProofEnvironment, startEnvironment } from "./environment.ts";
import { type FirstFrame, measureFirstFrame } from "./first-frame.ts";
import { playScenario, type Task } from "./play-scenario.ts";
import type { Player } from "./player.ts";
import type { Report } from "./report.ts";
import { type Judged, judge, mayBePlayerFault } from "./result.ts";
import { scenarios } from "./scenarios.ts";

export interface ProofOptions {
  readonly deployment: keyof typeof deployments;
  /**
   * A run of a minute or two instead of half an hour: the same scenarios with fewer players and streams, and less time.
   */
  readonly short: boolean;
  /** Names of players and scenarios, or empty for all of them. */
  readonly only: readonly string[];
  /** The number of players that play at the same time. */
  readonly jobs: number;
  readonly log: (line: string) => void;
}

const rounds = 9;
const firstFrameAssets = ["vod-single", "vod-ts", "vod-fmp4"];

/** Plays every scenario in every player that supports it, and returns the results. */
export async function runProof({ deployment, short, only, jobs, log }: ProofOptions): Promise<Report> {
  const kind = deployments[deployment];
  if (kind.missing !== undefined) throw new Error(`${kind.title} cannot be played from: ${kind.missing}`);
  const environment = await startEnvironment(kind);
  try {
    const { players, missing } = allPlayers(environment.site);
    const chosenPlayers = players.filter(({ name }) =>
      isChosen(
        name,
        only,
        players.map((player) => player.name),
      ),
    );
    const names = [...scenarios.map(({ name }) => name), "first-frame"];
    const chosen = scenarios.filter(({ name }) => isChosen(name, only, names) && !kind.without.includes(name));
    const tasks = chosen.flatMap((scenario) =>
      chosenPlayers
        .filter(({ name, abilities }) => {
          const inShortRun = only.includes(name) || (scenario.shortPlayers ?? ["hls.js"]).includes(name);
          return (!short || inShortRun) && scenario.needs.every((ability) => abilities.includes(ability));
        })
        .flatMap((player) =>
          ((short ? scenario.shortAssets : undefined) ?? scenario.assets).map((asset) => ({ scenario, asset, player })),
        ),
    );
    const judged = await playAll(tasks, environment, short, jobs, log);
    const firstFrames =
      short || !isChosen("first-frame", only, names) ? [] : await openAll(chosenPlayers, environment, log);
    return { short, players: chosenPlayers, scenarios: chosen, judged, firstFrames, missing };
  } finally {
    await environment.stop();
  }
}

/** Whether a name is chosen. `kin` are the names of the same kind: without any of them in `only`, all are chosen. */
function isChosen(name: string, only: readonly string[], kin: readonly string[]): boolean {
  return only.includes(name) || !only.some((other) => kin.includes(other));
}

async function playAll(
  tasks: readonly Task[],
  environment: ProofEnvironment,
  short: boolean,
  jobs: number,
  log: (line: string) => void,
): Promise<Judged[]> {
  const judged = new Map<Task, Judged>();
  const length = ({ scenario }: Task) => (short ? scenario.seconds.short : scenario.seconds.full);
  // The longest first, so that none runs alone at the end.
  const open = tasks.toSorted((one, other) => length(other) - length(one));
  const play = async (task: Task) => {
    const verdict = await playOne(task, environment, short);
    judged.set(task, verdict);
    const { scenario, asset, player } = task;
    const words = verdict.shortfalls.length === 0 ? "ok" : `FAILS: ${verdict.shortfalls.join("; ")}`;
    log(`${judged.size}/${tasks.length} ${scenario.name} ${asset} in ${player.name}: ${words}`);
    return verdict;
  };
  const work = async () => {
    for (let task = open.shift(); task !== undefined; task = open.shift()) await play(task);
  };
  await Promise.all(Array.from({ length: jobs }, work));
  // Several browsers at once may stall a machine. A real fault also shows when the task runs alone.
  for (const [task, { shortfalls }] of [...judged]) {
    if (shortfalls.length === 0) continue;
    const again = await play(task);
    judged.set(task, { ...again, first: shortfalls });
  }
  return tasks.flatMap((task) => judged.get(task) ?? []);
}

async function playOne(task: Task, environment: ProofEnvironment, short: boolean): Promise<Judged> {
  const result = await playScenario(task, environment, short);
  const { scenario } = task;
  // A short time is enough to see how far behind the live edge a player stays.
  const compared = scenario.compared === true && !short;
  const needed = compared || mayBePlayerFault(result, scenario);
  const unprotected = needed ? await playScenario(task, environment, short || compared, true) : undefined;
  return judge(result, unprotected, scenario);
}

async function openAll(
  players: readonly Player[],
  environment: ProofEnvironment,
  log: (line: string) => void,
): Promise<FirstFrame[]> {
  const measured: FirstFrame[] = [];
  for (const player of players) {
    // ffmpeg's own start takes so long that it would hide the stream's part.
    if (!player.abilities.includes("seek")) continue;
    for (const asset of firstFrameAssets) {
      const firstFrame = await measureFirstFrame(player, asset, environment, rounds);
      measured.push(firstFrame);
      log(`first picture of ${asset} in ${player.name}: ${firstFrame.ratio.toFixed(2)} × unprotected`);
    }
  }
  return measured;
}
