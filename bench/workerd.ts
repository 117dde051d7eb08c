import { signDevToken } from "../cli/lib/dev-keys.ts";
import { systemClock } from "../src/base/time.ts";
import type { KeyRing } from "../src/keys/ring.ts";
import type { BenchCluster } from "./cluster.ts";
import { type BenchRequest, type LoadClient, loadClient } from "./load.ts";
import { measureInTurn, type Rounds, type Timed, timed } from "./measure.ts";
import type { Playlist } from "./playlists.ts";
import { viewersPerStep, type Way } from "./rewriting.ts";
import { viewers } from "./viewers.ts";
import type { WorkerdClock } from "./workerd-cpu.ts";

/** Files of 64 KiB, far smaller than a segment: the larger a file is, the smaller the share of the check. */
export const edgeAsset = { id: "film", segments: [0, 1, 2, 3, 4, 5].map((n) => `720p/${n}.ts`), size: 65_536 };

const concurrency = 16;

/** The number of playlists per request to the bench worker, so that a request is long enough to time from outside. */
const times: Readonly<Record<Playlist, Readonly<Record<Way, number>>>> = {
  vod1200: { byHand: 1, copy: 2000, shared: viewersPerStep, session: 50 },
  live6: { byHand: 100, copy: 50_000, shared: viewersPerStep, session: viewersPerStep },
};

/** Rewriting in workerd: microseconds per playlist. */
export async function rewritingInWorkerd({ ports }: BenchCluster, { clock }: WorkerdClock, playlist: Playlist) {
  const client = loadClient(ports.rewrite, 1);
  const run = (way: Way): Timed => {
    const count = times[playlist][way];
    const request: BenchRequest = { method: "GET", target: `/${playlist}/${way}/${count}` };
    return timed(clock, count, () => client.send([request], 200));
  };
  const ways = { byHand: run("byHand"), copy: run("copy"), shared: run("shared"), session: run("session") };
  return measureInTurn(ways, 3).finally(client.close);
}

/**
 * The edge worker with and without its check: microseconds per request. `middle`: the viewers of a film were here
 * before. `first`: a viewer's first request after their start, which opens their grant.
 */
export async function edgeInWorkerd({ ports }: BenchCluster, { clock, rest }: WorkerdClock, ring: KeyRing) {
  const targetFor = await viewers(ring, systemClock);
  const checked = loadClient(ports.edge, concurrency);
  const unchecked = loadClient(ports.edgeWithoutCheck, concurrency);
  const count = 60;
  const requestsFrom = (firstViewer: number): BenchRequest[] =>
    Array.from({ length: count }, (_, i) => {
      const file = edgeAsset.segments[i % edgeAsset.segments.length] ?? "";
      return { method: "GET", target: targetFor(firstViewer + i, { purpose: "segment", asset: edgeAsset.id, file }) };
    });
  const known = requestsFrom(0);
  let newcomer = 1000;
  const timedSend = (client: LoadClient, next: () => readonly BenchRequest[]): Timed => {
    return () => {
      const batch = next();
      return timed(clock, count, () => client.send(batch, 200), rest)();
    };
  };
  const newcomers = () => {
    newcomer += count;
    return requestsFrom(newcomer);
  };
  const cases = { known: timedSend(checked, () => known), unchecked: timedSend(unchecked, () => known) };
  const fresh = { fresh: timedSend(checked, newcomers), unchecked: timedSend(unchecked, () => known) };
  try {
    return { middle: await measureInTurn(cases, 400), first: await measureInTurn(fresh, 60) };
  } finally {
    checked.close();
    unchecked.close();
  }
}

/** `POST /stream/start` and a bare app with jose: microseconds per request. */
export async function startInWorkerd(
  { ports }: BenchCluster,
  { clock, rest }: WorkerdClock,
  ring: KeyRing,
): Promise<(name: "start" | "joseApp") => Rounds> {
  const body = JSON.stringify({ asset: edgeAsset.id });
  const startAs = async (subject: string): Promise<BenchRequest> => {
    const token = await signDevToken(ring, { subject, assets: "*", lifetimeSeconds: 3600 });
    const type = { "Content-Type": "application/json", "Content-Length": String(body.length) };
    return { method: "POST", target: "/stream/start", headers: { Authorization: `Bearer ${token}`, ...type }, body };
  };
  const count = 100;
  // One viewer per request, since a viewer who starts more than thirty streams at once is throttled.
  const requests = await Promise.all(Array.from({ length: 3 * count }, (_, i) => startAs(`viewer-${i}`)));
  let round = 0;
  const startAll = () => {
    const first = (round++ % 3) * count;
    return start.send(requests.slice(first, first + count), 201);
  };
  const start = loadClient(ports.start, concurrency);
  const joseApp = loadClient(ports.joseApp, concurrency);
  const cases = {
    start: timed(clock, count, startAll, rest),
    joseApp: timed(clock, count, () => joseApp.send(requests.slice(0, count), 201), rest),
  };
  return measureInTurn(cases, 40).finally(() => {
    start.close();
    joseApp.close();
  });
}
