import { signDevToken } from "../cli/lib/dev-keys.ts";
import { systemClock } from "../src/base/time.ts";
import type { KeyRing } from "../src/keys/ring.ts";
import type { BenchCluster } from "./cluster.ts";
import { type Gun, gun, type Shot } from "./load.ts";
import { measureInTurn, type Rounds, type Timed, timed } from "./measure.ts";
import type { Playlist } from "./playlists.ts";
import { viewersAStep, type Way } from "./rewriting.ts";
import { viewers } from "./viewers.ts";
import type { WorkerdClock } from "./workerd-cpu.ts";

/** Files of 64 KiB, far smaller than a segment: the larger a file is, the smaller the share of the check. */
export const edgeAsset = { id: "film", segments: [0, 1, 2, 3, 4, 5].map((n) => `720p/${n}.ts`), size: 65_536 };

const concurrency = 16;

/** How many playlists a request to the bench worker makes, so that it is long enough to time from outside. */
const times: Readonly<Record<Playlist, Readonly<Record<Way, number>>>> = {
  vod1200: { byHand: 1, copy: 2000, shared: viewersAStep, session: 50 },
  live6: { byHand: 100, copy: 50_000, shared: viewersAStep, session: viewersAStep },
};

/** Rewriting in workerd: microseconds per playlist. */
export async function rewritingInWorkerd({ ports }: BenchCluster, { clock }: WorkerdClock, playlist: Playlist) {
  const client = gun(ports.rewrite, 1);
  const run = (way: Way): Timed => {
    const count = times[playlist][way];
    const shot: Shot = { method: "GET", target: `/${playlist}/${way}/${count}` };
    return timed(clock, count, () => client.fire([shot], 200));
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
  const checked = gun(ports.edge, concurrency);
  const unchecked = gun(ports.edgeWithoutCheck, concurrency);
  const requests = 60;
  const shots = (firstViewer: number): Shot[] =>
    Array.from({ length: requests }, (_, i) => {
      const file = edgeAsset.segments[i % edgeAsset.segments.length] ?? "";
      return { method: "GET", target: targetFor(firstViewer + i, { purpose: "segment", asset: edgeAsset.id, file }) };
    });
  const known = shots(0);
  let newcomer = 1000;
  const fire = (client: Gun, next: () => readonly Shot[]): Timed => {
    return () => {
      const batch = next();
      return timed(clock, requests, () => client.fire(batch, 200), rest)();
    };
  };
  const newcomers = () => {
    newcomer += requests;
    return shots(newcomer);
  };
  const cases = { known: fire(checked, () => known), unchecked: fire(unchecked, () => known) };
  const fresh = { fresh: fire(checked, newcomers), unchecked: fire(unchecked, () => known) };
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
  const shotOf = async (subject: string): Promise<Shot> => {
    const token = await signDevToken(ring, { subject, assets: "*", lifetimeSeconds: 3600 });
    const type = { "Content-Type": "application/json", "Content-Length": String(body.length) };
    return { method: "POST", target: "/stream/start", headers: { Authorization: `Bearer ${token}`, ...type }, body };
  };
  const requests = 100;
  // One viewer each: a viewer who starts more than thirty streams at once is throttled.
  const shots = await Promise.all(Array.from({ length: 3 * requests }, (_, i) => shotOf(`viewer-${i}`)));
  let round = 0;
  const startAll = () => {
    const first = (round++ % 3) * requests;
    return start.fire(shots.slice(first, first + requests), 201);
  };
  const start = gun(ports.start, concurrency);
  const joseApp = gun(ports.joseApp, concurrency);
  const cases = {
    start: timed(clock, requests, startAll, rest),
    joseApp: timed(clock, requests, () => joseApp.fire(shots.slice(0, requests), 201), rest),
  };
  return measureInTurn(cases, 40).finally(() => {
    start.close();
    joseApp.close();
  });
}
