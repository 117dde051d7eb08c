import { type FirstFrame, maximumRatio } from "./first-frame.ts";
import type { Player } from "./player.ts";
import type { Judged } from "./result.ts";
import type { Scenario } from "./scenario.ts";

/** The results of a run. */
export interface Report {
  readonly short: boolean;
  readonly players: readonly Pick<Player, "name" | "version">[];
  readonly scenarios: readonly Scenario[];
  readonly judged: readonly Judged[];
  readonly firstFrames: readonly FirstFrame[];
  /** Players that are not installed. */
  readonly missing: readonly string[];
}

/** The number of results that do not meet the project's promises. */
export function shortfallsOf({ judged, firstFrames }: Report): number {
  const slow = firstFrames.filter(({ ratio }) => !(ratio <= maximumRatio)).length;
  return slow + judged.filter(({ shortfalls }) => shortfalls.length > 0).length;
}

/** The report as a page of Markdown: an overview, then every number. */
export function markdown(report: Report): string {
  return [...overview(report), "", ...details(report), "", ...firstFrames(report), ""].join("\n");
}

/** A table of scenarios and players. */
function overview({ players, scenarios, judged, missing }: Report): string[] {
  const cell = (scenario: Scenario, player: string) => {
    const all = judged.filter(({ result }) => result.scenario === scenario.name && result.player === player);
    if (all.length === 0) return "–";
    if (all.some(({ shortfalls }) => shortfalls.length > 0)) return "**fails**";
    return all.some(({ failsUnprotected }) => failsUnprotected) ? "fails unprotected too" : "✓";
  };
  return [
    ...table(
      ["", ...players.map(({ name, version }) => `${name} ${version}`)],
      scenarios.map((scenario) => [scenario.title, ...players.map(({ name }) => cell(scenario, name))]),
    ),
    "",
    "–: the player does not support it, or offers no control for it.",
    ...missing.map((name) => `${name} is not installed here.`),
  ];
}

function details({ scenarios, judged }: Report): string[] {
  const titles = new Map(scenarios.map(({ name, title }) => [name, title]));
  return table(
    ["", "stream", "player", "requests", "stalls", "refused", "redirects", "init", "keys", "live, s", ""],
    judged.map(({ result, unprotected, shortfalls, failsUnprotected, first }) => [
      titles.get(result.scenario) ?? result.scenario,
      result.asset,
      result.player,
      String(result.requests),
      compared(result.stalls.length, unprotected?.stalls.length),
      refusals(result.refused),
      String(result.redirects),
      compared(result.initFetches, unprotected?.initFetches),
      compared(result.keyFetches, unprotected?.keyFetches),
      compared(inSeconds(result.latency), inSeconds(unprotected?.latency)),
      [
        ...shortfalls.map((words) => `**${words}**`),
        ...(first === undefined
          ? []
          : [`repeated alone: the first time, in parallel with others, it ${first.join("; ")}`]),
        ...(failsUnprotected ? [`unprotected it ${unprotected?.faults.join("; ")}`] : []),
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
      ratio <= maximumRatio ? ratio.toFixed(2) : `**${ratio.toFixed(2)}**`,
    ]),
  );
}

/** A number, with that of the unprotected stream in brackets if it was played. */
function compared(ours: number | undefined, theirs: number | undefined): string {
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
