import { type ChildProcess, spawn } from "node:child_process";
import { killAtExit } from "./child-processes.ts";
import type { Playback, Player, Stall } from "./player.ts";

/** Milliseconds without a new picture after which playback counts as stalled. */
const frozen = 1500;

/**
 * ffmpeg, decoding at the speed of the film. It has no pause, so its process is stopped: the film waits and its URLs
 * expire as in a pause.
 */
export function ffmpeg(version: string): Player {
  return {
    name: "ffmpeg",
    version,
    abilities: ["pause"],
    async open(manifestUrl, run) {
      const input = ["-re", "-user_agent", run, "-i", manifestUrl, "-map", "0:v:0", "-map", "0:a:0?"];
      const child = spawn(
        "ffmpeg",
        ["-hide_banner", "-loglevel", "warning", "-nostats", "-nostdin", "-stats_period", "0.1"].concat(input, [
          "-progress",
          "pipe:1",
          "-f",
          "null",
          "-",
        ]),
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      killAtExit(child);
      return new FfmpegPlayback(child);
    },
  };
}

class FfmpegPlayback implements Playback {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #stalls: Stall[] = [];
  readonly #fatal: string[] = [];
  readonly #startedAt = performance.now();
  #firstFrame: number | undefined;
  #frames = 0;
  #time = 0;
  #movedAt = performance.now();
  #paused = false;
  #ended = false;
  #stopping = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code) => {
        this.#ended = code === 0;
        if (code !== 0 && !this.#stopping) this.#fatal.push(`ffmpeg ended with ${code}`);
        resolve();
      });
    });
    let rest = "";
    child.stdout?.on("data", (data: Buffer) => {
      const lines = (rest + data.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#progress(line);
    });
    // It skips a segment that is refused, prints an error, and ends as after a success.
    child.stderr?.on("data", (data: Buffer) => {
      for (const line of data.toString().split("\n"))
        if (/HTTP error|failed to open|Failed to open|Error when loading/.test(line) && !this.#stopping)
          this.#fatal.push(line.replace(/https?:\S+/g, "<url>").trim());
    });
  }

  #progress(line: string): void {
    const [name, value] = line.split("=");
    if (name === "frame") this.#frames = Number(value);
    if (name !== "out_time_us") return;
    const time = Number(value) / 1e6;
    if (!(time > this.#time)) return;
    this.#firstFrame ??= performance.now() - this.#startedAt;
    const stalled = performance.now() - this.#movedAt;
    if (this.#time > 0 && stalled > frozen) this.#stalls.push({ at: this.#time, milliseconds: Math.round(stalled) });
    this.#time = time;
    this.#movedAt = performance.now();
  }

  async play() {
    this.#movedAt = performance.now();
    if (this.#paused) this.#child.kill("SIGCONT");
    this.#paused = false;
  }

  async pause() {
    this.#paused = this.#child.kill("SIGSTOP");
  }

  async seek() {}

  async state() {
    return {
      time: this.#time,
      ended: this.#ended,
      stalls: this.#stalls,
      fatal: this.#fatal,
      firstFrame: this.#firstFrame,
      frames: this.#frames,
      latency: undefined,
      cues: [],
      height: 0,
    };
  }

  async chooseVariant() {}

  async chooseTracks() {}

  async stop() {
    this.#stopping = true;
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.#exited;
  }
}
