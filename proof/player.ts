/** Abilities of a player that a scenario may need, besides playing. */
export type Ability = "pause" | "seek" | "variants" | "tracks" | "helper" | "renew" | "low-latency";

export interface Stall {
  /** In seconds of the stream. */
  readonly at: number;
  readonly milliseconds: number;
}

/** The observed state of a player. */
export interface PlayerState {
  /** In seconds of the stream. */
  readonly time: number;
  readonly ended: boolean;
  /** Stalls, except right after a seek or a pause. */
  readonly stalls: readonly Stall[];
  /** The errors that made it give up. */
  readonly fatal: readonly string[];
  /** Milliseconds from the manifest URL to the first picture. */
  readonly firstFrame: number | undefined;
  readonly frames: number;
  /** The delay behind the live edge in milliseconds, or undefined if the player does not report it. */
  readonly latency: number | undefined;
  /** The subtitles shown so far. */
  readonly cues: readonly string[];
  /** Height of the picture. */
  readonly height: number;
}

export interface OpenOptions {
  /** Seconds to load ahead, if the player has such an option. */
  readonly ahead?: number;
  readonly lowLatency?: boolean;
  /** Lets the helper of `stagedoor/player` keep the URLs fresh. */
  readonly helper?: HelperOptions;
}

/** How to renew or restart the session. It is plain data, since it is passed into a page. */
export interface HelperOptions {
  readonly margin: number;
  readonly sessionId: string;
  readonly sessionExpiresAt: string;
  readonly apiUrl: string;
  readonly token: string;
  readonly asset: string;
}

/** A stream in a player. */
export interface Playback {
  play(): Promise<void>;
  pause(): Promise<void>;
  seek(time: number): Promise<void>;
  state(): Promise<PlayerState>;
  /** Plays variant number `index`, in the order of bandwidth. Requires the ability `variants`. */
  chooseVariant(index: number): Promise<void>;
  /** Requires the ability `tracks`. */
  chooseTracks(tracks: { readonly audio?: string; readonly subtitles?: string }): Promise<void>;
  stop(): Promise<void>;
}

export interface Player {
  readonly name: string;
  readonly abilities: readonly Ability[];
  readonly version: string;
  /** Plays a manifest URL. `run` is part of the User-Agent header, by which requests are counted. */
  open(manifestUrl: string, run: string, options: OpenOptions): Promise<Playback>;
}
