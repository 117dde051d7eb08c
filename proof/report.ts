import { type FirstFrame, mostRatio } from "./first-frame.ts";
import type { Player } from "./player.ts";
import type { Judged } from "./result.ts";
import type { Scenario } from "./scenario.ts";

/** All that a run found. */
export interface Report {
  readonly short: boolean;
  readonly players: readonly Pick<Player, "name" | "version">[];
  readonly scenarios: readonly Scenario[];
  readonly judged: readonly Judged[];
  readonly firstFrames: readonly FirstFrame[];
  /** Programs that would have been asked to play, and are not installed. */
  readonly missing: readonly string[];
}

/** How many of a report's numbers fall short of what the project promises. */
export function shortfallsOf({ judged, firstFrames }: Report): number {
  const slow = firstFrames.filter(({ ratio }) => !(ratio <= mostRatio)).length;
  return slow + judged.filter(({ shortfalls }) => shortfalls.length > 0).length;
}

/** The report as a page of Markdown: who plays what, then every number. */
export function markdown(report: Report): string {
  return [...overview(report), "", ...details(report), "", ...firstFrames(report), ""].join("\n");
}

/** Who plays what, as lines of Markdown. */
function overview({ players, scenarios, judged, missing }: Report): string[] {
  const cell = (scenario: Scenario, player: string) => {
    const all = judged.filter(({ result }) => result.scenario === scenario.name && result.player === player);
    if (all.length === 0) return "–";
    if (all.some(({ shortfalls }) => shortfalls.length > 0)) return "**short**";
    return all.some(({ alike }) => alike) ? "fails unprotected too" : "✓";
  };
  return [
    ...table(
      ["", ...players.map(({ name, version }) => `${name} ${version}`)],
      scenarios.map((scenario) => [scenario.title, ...players.map(({ name }) => cell(scenario, name))]),
    ),
    "",
    "– : the player cannot do it, or does not let anybody ask it to.",
    ...missing.map((name) => `${name} is not installed here.`),
  ];
}

function details({ scenarios, judged }: Report): string[] {
  const titles = new Map(scenarios.map(({ name, title }) => [name, title]));
  return table(
    ["", "stream", "player", "requests", "stalls", "refused", "redirects", "init", "keys", "live, s", ""],
    judged.map(({ result, unprotected, shortfalls, alike, first }) => [
      titles.get(result.scenario) ?? result.scenario,
      result.asset,
      result.player,
      String(result.requests),
      beside(result.stalls.length, unprotected?.stalls.length),
      refusals(result.refused),
      String(result.redirects),
      beside(result.initFetches, unprotected?.initFetches),
      beside(result.keyFetches, unprotected?.keyFetches),
      beside(inSeconds(result.latency), inSeconds(unprotected?.latency)),
      [
        ...shortfalls.map((words) => `**${words}**`),
        ...(first === undefined ? [] : [`played again, alone: the first time, beside others, it ${first.join("; ")}`]),
        ...(alike ? [`unprotected it ${unprotected?.faults.join("; ")}`] : []),
        ...(result.endedAfter === undefined ? [] : [`ended after ${result.endedAfter} ms`]),
        ...result.notes,
      ].join("; "),
    ]),
  );
}

function firstFrames({ firstFrames }: Report): string[] {
  if (firstFrames.length === 0) return [];
  return table(
    ["first picture", "stream", "ms", "unprotected", "ratio"],
    firstFrames.map(({ player, asset, protected: ours, unprotected, ratio }) => [
      player,
      asset,
      ours.toFixed(0),
      unprotected.toFixed(0),
      ratio <= mostRatio ? ratio.toFixed(2) : `**${ratio.toFixed(2)}**`,
    ]),
  );
}

/** A number, and in brackets that of the same stream unprotected where it was played. */
function beside(ours: number | undefined, theirs: number | undefined): string {
  if (ours === undefined) return "";
  return theirs === undefined ? String(ours) : `${ours} (${theirs})`;
}

function refusals(refused: readonly string[]): string {
  if (refused.length === 0) return "0";
  return `${refused.length}: ${[...new Set(refused)].join(", ")}`;
}

function inSeconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds / 100) / 10;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}
