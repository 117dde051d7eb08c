import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { killAtExit } from "./child-processes.ts";
import type { Playback, Player, Stall } from "./player.ts";

/** mpv without picture and sound, controlled over its JSON IPC. */
export function mpv(version: string): Player {
  return {
    name: "mpv",
    version,
    abilities: ["pause", "seek"],
    async open(manifestUrl, run, { ahead }) {
      const folder = await mkdtemp(join(tmpdir(), "stagedoor-mpv-"));
      const socketPath = join(folder, "ipc");
      const buffer = ahead === undefined ? [] : [`--cache-secs=${ahead}`, `--demuxer-readahead-secs=${ahead}`];
      const child = spawn(
        "mpv",
        ["--no-config", "--idle=yes", "--vo=null", "--ao=null", "--keep-open=yes", "--really-quiet", ...buffer].concat(
          `--input-ipc-server=${socketPath}`,
          `--user-agent=${run}`,
        ),
        { stdio: "ignore" },
      );
      killAtExit(child);
      const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const stop = async () => {
        child.kill();
        await exited;
        await rm(folder, { recursive: true });
      };
      try {
        return new MpvPlayback(await connectTo(socketPath), manifestUrl, stop);
      } catch (error) {
        await stop();
        throw error;
      }
    },
  };
}

async function connectTo(path: string): Promise<Socket> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(path);
    const open = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (open) return socket;
    await after(50);
  }
  throw new Error("mpv does not respond");
}

class MpvPlayback implements Playback {
  readonly #socket: Socket;
  readonly #stop: () => Promise<void>;
  readonly #startedAt = performance.now();
  readonly #stalls: Stall[] = [];
  readonly #fatal: string[] = [];
  #firstFrame: number | undefined;
  #time = 0;
  #ended = false;
  #settling = true;
  #stalledSince: number | undefined;

  constructor(socket: Socket, manifestUrl: string, stop: () => Promise<void>) {
    this.#socket = socket;
    this.#stop = stop;
    let rest = "";
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      const lines = (rest + data.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#handle(Object(JSON.parse(line)));
    });
    for (const [id, property] of ["time-pos", "paused-for-cache", "eof-reached"].entries())
      this.#send("observe_property", id + 1, property);
    this.#send("loadfile", manifestUrl);
  }

  #send(...command: readonly (string | number | boolean)[]): void {
    this.#socket.write(`${JSON.stringify({ command })}\n`);
  }

  #handle({ event, name, data, reason, file_error }: Record<string, unknown>): void {
    if (event === "playback-restart") {
      this.#firstFrame ??= performance.now() - this.#startedAt;
      this.#settling = false;
    }
    if (event === "end-file" && reason === "error") this.#fatal.push(String(file_error));
    if (event !== "property-change") return;
    if (name === "time-pos" && typeof data === "number") this.#time = data;
    if (name === "eof-reached" && data === true) this.#ended = true;
    if (name !== "paused-for-cache" || this.#settling || this.#ended) return;
    if (data === true) this.#stalledSince ??= performance.now();
    else if (this.#stalledSince !== undefined) {
      this.#stalls.push({ at: this.#time, milliseconds: Math.round(performance.now() - this.#stalledSince) });
      this.#stalledSince = undefined;
    }
  }

  async play() {
    this.#send("set_property", "pause", false);
  }

  async pause() {
    this.#send("set_property", "pause", true);
  }

  async seek(time: number) {
    this.#settling = true;
    this.#ended = false;
    this.#send("seek", time, "absolute");
  }

  async state() {
    const current =
      this.#stalledSince === undefined
        ? []
        : [{ at: this.#time, milliseconds: Math.round(performance.now() - this.#stalledSince) }];
    return {
      time: this.#time,
      ended: this.#ended,
      stalls: [...this.#stalls, ...current],
      fatal: this.#fatal,
      firstFrame: this.#firstFrame,
      frames: 0,
      latency: undefined,
      cues: [],
      height: 0,
    };
  }

  async chooseVariant() {}

  async chooseTracks() {}

  async stop() {
    this.#socket.destroy();
    await this.#stop();
  }
}
