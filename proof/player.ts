/** What a scenario may ask of a player beside playing, pausing and seeking. */
export type Ability = "pause" | "seek" | "variants" | "tracks" | "helper" | "renew" | "low-latency";

export interface Stall {
  /** Seconds of the stream. */
  readonly at: number;
  readonly milliseconds: number;
}

/** What a player was seen to do so far. */
export interface PlayerState {
  /** Seconds of the stream. */
  readonly time: number;
  readonly ended: boolean;
  /** Stalls, except right after a seek or a pause. */
  readonly stalls: readonly Stall[];
  /** What it gave up over. */
  readonly fatal: readonly string[];
  /** Milliseconds from the manifest URL to the first picture. */
  readonly firstFrame: number | undefined;
  readonly frames: number;
  /** How far behind the live edge it plays, in milliseconds; undefined where the player cannot tell. */
  readonly latency: number | undefined;
  /** Subtitles that were shown. */
  readonly cues: readonly string[];
  /** Height of the picture. */
  readonly height: number;
}

export interface OpenOptions {
  /** Seconds to load ahead, where the player lets one say so. */
  readonly ahead?: number;
  readonly lowLatency?: boolean;
  /** Lets the helper of `stagedoor/player` keep the URLs fresh. */
  readonly helper?: HelperOptions;
}

/** Plain data, since it goes into a page: how to renew or restart the session. */
export interface HelperOptions {
  readonly margin: number;
  readonly sessionId: string;
  readonly sessionExpiresAt: string;
  readonly apiUrl: string;
  readonly token: string;
  readonly asset: string;
}

/** A stream that is being played. */
export interface Playback {
  play(): Promise<void>;
  pause(): Promise<void>;
  seek(time: number): Promise<void>;
  state(): Promise<PlayerState>;
  /** Plays variant number `index`, in the order of bandwidth. Only where the player has the ability `variants`. */
  chooseVariant(index: number): Promise<void>;
  /** Only with the ability `tracks`. */
  chooseTracks(tracks: { readonly audio?: string; readonly subtitles?: string }): Promise<void>;
  stop(): Promise<void>;
}

export interface Player {
  readonly name: string;
  readonly abilities: readonly Ability[];
  readonly version: string;
  /** Starts to play a manifest URL. `run` goes into the User-Agent header, by which requests are counted. */
  open(manifestUrl: string, run: string, options: OpenOptions): Promise<Playback>;
}
