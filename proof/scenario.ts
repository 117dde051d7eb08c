import type { CountedCluster } from "./environment.ts";
import type { Ability, OpenOptions, Playback, PlayerState } from "./player.ts";
import type { Exchange } from "./request-log.ts";
import type { Session, Viewer } from "./viewer.ts";

/** One row of the proof: the streams, the players, the actions and the expected result. */
export interface Scenario {
  readonly name: string;
  /** What the viewer does, in the words of the table. */
  readonly title: string;
  /** The streams it is shown with, one run each. */
  readonly assets: readonly string[];
  /** Of those, the ones that the short form takes. */
  readonly shortAssets?: readonly string[];
  /** The players of the short form; hls.js where it is left out. */
  readonly shortPlayers?: readonly string[];
  /** Whether the same stream is always played unprotected as well, to see how far behind the live edge a player stays. */
  readonly compared?: boolean;
  /** Which of the players can do it. */
  readonly needs: readonly Ability[];
  /** Settings of the workers in place of those of {@link shortLifetimes}. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly options?: OpenOptions;
  /** Whether the helper keeps the URLs fresh. */
  readonly helper?: { readonly margin: number };
  /** How many streams the viewer may run at once; any number where it is left out. */
  readonly streams?: number;
  /** Seconds after which another session key takes over, again and again. */
  readonly rotatesEvery?: number;
  /** Codes of refusals that the scenario is about; any other is a fault. */
  readonly meant?: readonly string[];
  /** Whether the stream is meant to stop. */
  readonly isCut?: boolean;
  /** Seconds that a run takes at most. */
  readonly seconds: { readonly full: number; readonly short: number };
  perform(scene: Scene): Promise<Findings>;
}

/** What a scenario's function works with. */
export interface Scene {
  readonly playback: Playback;
  readonly asset: string;
  readonly short: boolean;
  readonly viewer: Viewer;
  readonly session: Session;
  readonly cluster: CountedCluster;
  /** The requests that the player has made so far. */
  exchanges(): readonly Exchange[];
  /** Waits until the player's state is as asked for. Throws an Error that names `what`, after `seconds`. */
  until(what: string, holds: (state: PlayerState) => boolean, seconds: number): Promise<PlayerState>;
  wait(seconds: number): Promise<void>;
  /** Looks on for so long, and tells how far behind the live edge it played and whether it kept pace. */
  watch(seconds: number): Promise<Findings>;
}

/** What a scenario found beside what is counted of every run. */
export interface Findings {
  /** In the words of the table. */
  readonly faults?: readonly string[];
  /** Milliseconds from a revocation to the first request that was refused for it. */
  readonly endedAfter?: number;
  /** Milliseconds behind the live edge: the middle of those measured. */
  readonly latency?: number;
  readonly notes?: readonly string[];
}
