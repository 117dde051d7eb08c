import { type ChildProcess, spawn } from "node:child_process";
import { killAtExit } from "./child-processes.ts";
import type { Playback, Player, Stall } from "./player.ts";

/** Milliseconds without a new picture after which playback counts as stalled. */
const frozen = 1500;

/**
 * ffmpeg, decoding at the pace of the film. It cannot be told to pause, so its process is stopped: the film waits and
 * its URLs run out just the same.
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
  readonly #gone: Promise<void>;
  readonly #stalls: Stall[] = [];
  readonly #fatal: string[] = [];
  readonly #began = performance.now();
  #firstFrame: number | undefined;
  #frames = 0;
  #time = 0;
  #movedAt = performance.now();
  #paused = false;
  #ended = false;
  #stopping = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#gone = new Promise((resolve) => {
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
    // It skips a segment that it is refused, says so, and ends as if all had been well.
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
    this.#firstFrame ??= performance.now() - this.#began;
    const stood = performance.now() - this.#movedAt;
    if (this.#time > 0 && stood > frozen) this.#stalls.push({ at: this.#time, milliseconds: Math.round(stood) });
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
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.#gone;
  }
}
