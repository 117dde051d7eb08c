import { spawnSync } from "node:child_process";
import { nginxMissing } from "../../test/cluster/nginx.ts";
import type { BenchRequest } from "../load.ts";
import { measureInTurn, speedRatio } from "../measure.ts";
import { cpuOf } from "../workerd-cpu.ts";
import { ownClient, wrk } from "./drive.ts";
import { startStage } from "./stage.ts";
import { atLeast, type StoreFigure } from "./stores.ts";

/** What is measured against what, and the target. */
const rows = [
  ["segment of 64 KiB through nginx ÷ plain nginx", "segment64k", "plain64k", 0.25],
  ["segment of 1 MiB through nginx ÷ plain nginx", "segment1m", "plain1m", 0.8],
  ["live playlist of 6 segments from Node ÷ plain nginx", "live6", "plainLive6", 0.09],
  ["VOD playlist of 1,200 segments from Node ÷ plain nginx", "vod1200", "plainVod1200", 0.05],
] as const;

const rounds = 5;

/**
 * A worker of nginx that checks, and a process of Node that signs playlists, against the same worker serving the file plainly: CPU
 * time per request, so that other load on the machine counts little. Nothing without nginx, or without Linux's /proc.
 */
export async function edgeFigures(progress: (step: string) => void): Promise<readonly StoreFigure[]> {
  if (nginxMissing !== undefined) {
    progress(`not measured: ${nginxMissing}`);
    return [];
  }
  progress("nginx and playlists");
  const stage = await startStage();
  try {
    const drive = spawnSync("wrk", ["-v"]).error === undefined ? wrk : ownClient;
    const { ports, pids } = stage;
    /** CPU microseconds of a process per request. */
    const cost = (pid: number, port: number, requests: readonly BenchRequest[]) => async () => {
      const before = cpuOf(pid);
      const count = await drive(port, requests, 200);
      return (cpuOf(pid) - before) / count;
    };
    const plain = (target: string) => cost(pids.nginx, ports.plain, [{ method: "GET", target }]);
    const results = await measureInTurn(
      {
        segment64k: cost(pids.nginx, ports.nginx, await stage.requestsOf("film", 50, "64k.ts")),
        plain64k: plain("/film/64k.ts"),
        segment1m: cost(pids.nginx, ports.nginx, await stage.requestsOf("film", 50, "1m.ts")),
        plain1m: plain("/film/1m.ts"),
        live6: cost(pids.node, ports.media, await stage.requestsOf("live", 50)),
        plainLive6: plain("/live/index.m3u8"),
        vod1200: cost(pids.node, ports.media, await stage.requestsOf("vod", 50)),
        plainVod1200: plain("/vod/index.m3u8"),
      },
      rounds,
    );
    return rows.map(([name, ours, theirs, target]) =>
      atLeast(name, speedRatio(results(ours), results(theirs)).value, target),
    );
  } finally {
    await stage.stop();
  }
}
