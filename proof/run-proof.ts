import { allPlayers } from "./all-players.ts";
import { type ProofEnvironment, startEnvironment } from "./environment.ts";
import { type FirstFrame, measureFirstFrame } from "./first-frame.ts";
import { playScenario, type Task } from "./play-scenario.ts";
import type { Player } from "./player.ts";
import type { Report } from "./report.ts";
import { type Judged, judge, mayBeThePlayers } from "./result.ts";
import { scenarios } from "./scenarios.ts";

export interface ProofOptions {
  /** A minute or two in place of half an hour: the same scenarios with fewer players and streams, and less time. */
  readonly short: boolean;
  /** Names of players and scenarios; all of them where it is empty. */
  readonly only: readonly string[];
  /** How many players play at a time. */
  readonly jobs: number;
  readonly say: (line: string) => void;
}

const rounds = 9;
const firstFrameAssets = ["vod-single", "vod-ts", "vod-fmp4"];

/** Plays every scenario in every player that can, and tells what came of it. */
export async function runProof({ short, only, jobs, say }: ProofOptions): Promise<Report> {
  const environment = await startEnvironment();
  try {
    const { players, missing } = allPlayers(environment.site);
    const wanted = players.filter(({ name }) =>
      isWanted(
        name,
        only,
        players.map((player) => player.name),
      ),
    );
    const names = [...scenarios.map(({ name }) => name), "first-frame"];
    const chosen = scenarios.filter(({ name }) => isWanted(name, only, names));
    const tasks = chosen.flatMap((scenario) =>
      wanted
        .filter(({ name, abilities }) => {
          const asked = only.includes(name) || (scenario.shortPlayers ?? ["hls.js"]).includes(name);
          return (!short || asked) && scenario.needs.every((ability) => abilities.includes(ability));
        })
        .flatMap((player) =>
          ((short ? scenario.shortAssets : undefined) ?? scenario.assets).map((asset) => ({ scenario, asset, player })),
        ),
    );
    const judged = await playAll(tasks, environment, short, jobs, say);
    const firstFrames = short || !isWanted("first-frame", only, names) ? [] : await openAll(wanted, environment, say);
    return { short, players: wanted, scenarios: chosen, judged, firstFrames, missing };
  } finally {
    await environment.stop();
  }
}

/** Whether a name was asked for: `kin` are those that it could have been chosen from. */
function isWanted(name: string, only: readonly string[], kin: readonly string[]): boolean {
  return only.includes(name) || !only.some((other) => kin.includes(other));
}

async function playAll(
  tasks: readonly Task[],
  environment: ProofEnvironment,
  short: boolean,
  jobs: number,
  say: (line: string) => void,
): Promise<Judged[]> {
  const judged = new Map<Task, Judged>();
  const length = ({ scenario }: Task) => (short ? scenario.seconds.short : scenario.seconds.full);
  // The longest first, so that none is left to run alone at the end.
  const open = tasks.toSorted((one, other) => length(other) - length(one));
  const play = async (task: Task) => {
    const verdict = await playOne(task, environment, short);
    judged.set(task, verdict);
    const { scenario, asset, player } = task;
    const words = verdict.shortfalls.length === 0 ? "ok" : `SHORT: ${verdict.shortfalls.join("; ")}`;
    say(`${judged.size}/${tasks.length} ${scenario.name} ${asset} in ${player.name}: ${words}`);
    return verdict;
  };
  const work = async () => {
    for (let task = open.shift(); task !== undefined; task = open.shift()) await play(task);
  };
  await Promise.all(Array.from({ length: jobs }, work));
  // Several browsers at once may stall a machine. A fault of ours shows when the task runs alone, too.
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
  // How far behind the edge a player stays shows in a short while.
  const compared = scenario.compared === true && !short;
  const needed = compared || mayBeThePlayers(result, scenario);
  const unprotected = needed ? await playScenario(task, environment, short || compared, true) : undefined;
  return judge(result, unprotected, scenario);
}

async function openAll(
  players: readonly Player[],
  environment: ProofEnvironment,
  say: (line: string) => void,
): Promise<FirstFrame[]> {
  const measured: FirstFrame[] = [];
  for (const player of players) {
    // How long ffmpeg's own start takes would hide what the stream adds to it.
    if (!player.abilities.includes("seek")) continue;
    for (const asset of firstFrameAssets) {
      const found = await measureFirstFrame(player, asset, environment, rounds);
      measured.push(found);
      say(`first picture of ${asset} in ${player.name}: ${found.ratio.toFixed(2)} × unprotected`);
    }
  }
  return measured;
}
