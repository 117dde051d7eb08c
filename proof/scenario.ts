import type { Session, Viewer } from "../test/cluster/viewer.ts";
import type { CountedCluster } from "./environment.ts";
import type { Ability, OpenOptions, Playback, PlayerState } from "./player.ts";
import type { Exchange } from "./request-log.ts";

/** One row of the proof: the streams, the players, the actions and the expected result. */
export interface Scenario {
  readonly name: string;
  /** The viewer's actions, in the words of the table. */
  readonly title: string;
  /** The streams, one run each. */
  readonly assets: readonly string[];
  /** The streams of a short run. */
  readonly shortAssets?: readonly string[];
  /** The players of a short run; hls.js by default. */
  readonly shortPlayers?: readonly string[];
  /** Whether the same stream is always played without protection too, to compare the delay behind the live edge. */
  readonly compared?: boolean;
  /** The abilities that a player needs. */
  readonly needs: readonly Ability[];
  /** Settings of the workers, instead of {@link shortLifetimes}. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly options?: OpenOptions;
  /** Whether the helper keeps the URLs fresh. */
  readonly helper?: { readonly margin: number };
  /** The viewer's stream limit; none by default. */
  readonly streams?: number;
  /** Seconds after which the next session key takes over, repeatedly. */
  readonly rotationInterval?: number;
  /** The expected codes of refusals. Any other code is a fault. */
  readonly expectedCodes?: readonly string[];
  /** Whether the stream is expected to stop. */
  readonly isCut?: boolean;
  /** The maximum length of a run in seconds. */
  readonly seconds: { readonly full: number; readonly short: number };
  perform(scene: Scene): Promise<Findings>;
}

/** The tools of a scenario's function. */
export interface Scene {
  readonly playback: Playback;
  readonly asset: string;
  readonly short: boolean;
  readonly viewer: Viewer;
  readonly session: Session;
  readonly cluster: CountedCluster;
  /** The player's requests so far. */
  exchanges(): readonly Exchange[];
  /** Waits until the player's state satisfies `condition`. After `seconds`, throws an Error that names `goal`. */
  until(goal: string, condition: (state: PlayerState) => boolean, seconds: number): Promise<PlayerState>;
  wait(seconds: number): Promise<void>;
  /** Watches for this long, and returns the delay behind the live edge and whether playback kept pace. */
  watch(seconds: number): Promise<Findings>;
}

/** Results of a scenario, in addition to the counts of every run. */
export interface Findings {
  /** In the words of the table. */
  readonly faults?: readonly string[];
  /** Milliseconds from a revocation to the first refusal that it caused. */
  readonly endedAfter?: number;
  /** The median delay behind the live edge, in milliseconds. */
  readonly latency?: number;
  readonly notes?: readonly string[];
}
