import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../cli/lib/project.ts";
import { browserPlayer } from "./browser-player.ts";
import { ffmpeg } from "./ffmpeg.ts";
import { mpv } from "./mpv.ts";
import type { PagePlayer } from "./page-server.ts";
import type { Player } from "./player.ts";

/** The installed players of the proof, and the names of the missing ones. */
export function allPlayers(site: { urlOf(player: PagePlayer): string }): {
  readonly players: readonly Player[];
  readonly missing: readonly string[];
} {
  const all = ["pause", "seek", "variants", "tracks", "helper", "renew", "low-latency"] as const;
  const installed = { ffmpeg: versionOf("ffmpeg", "-version"), mpv: versionOf("mpv", "--version") };
  const players = [
    browserPlayer("hls.js", packageVersion("hls.js"), all, "hls", site),
    browserPlayer("Shaka", packageVersion("shaka-player"), all, "shaka", site),
    browserPlayer("video.js", packageVersion("video.js"), all, "videojs", site),
    browserPlayer("Chromium", packageVersion("@sparticuz/chromium"), ["pause", "seek"], "native", site),
    ...(installed.ffmpeg === undefined ? [] : [ffmpeg(installed.ffmpeg)]),
    ...(installed.mpv === undefined ? [] : [mpv(installed.mpv)]),
  ];
  const missing = Object.entries(installed).flatMap(([name, version]) => (version === undefined ? [name] : []));
  return { players, missing };
}

function packageVersion(name: string): string {
  return String(
    Object(JSON.parse(readFileSync(join(projectRoot, "node_modules", name, "package.json"), "utf8"))).version,
  );
}

function versionOf(program: string, argument: string): string | undefined {
  const { status, stdout } = spawnSync(program, [argument], { encoding: "utf8" });
  return status === 0 ? /(\d+\.\d+[\w.-]*)/.exec(stdout)?.[1] : undefined;
}
