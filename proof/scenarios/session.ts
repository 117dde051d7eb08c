import { setTimeout as after } from "node:timers/promises";
import type { Scenario, Scene } from "../scenario.ts";
import { codeOf } from "../viewer.ts";

const littleAhead = { ahead: 6 };

export const revoked: Scenario = {
  name: "revoked",
  title: "is revoked in mid-play",
  assets: ["film", "live"],
  shortAssets: ["film"],
  needs: [],
  options: littleAhead,
  meant: ["session_revoked"],
  isCut: true,
  seconds: { full: 60, short: 60 },
  async perform(scene) {
    await scene.until("3 s of film", ({ time }) => time > 3, 20);
    const probe = probeOf(scene);
    const endedAfter = await timeUntilRefused(probe, "session_revoked", () => scene.viewer.end(scene.session));
    return { endedAfter, faults: await stoppedPlaying(scene, "session_revoked") };
  },
};

export const takeover: Scenario = {
  name: "takeover",
  title: "another device takes over",
  assets: ["film"],
  needs: [],
  options: littleAhead,
  streams: 1,
  meant: ["stream_taken"],
  isCut: true,
  seconds: { full: 60, short: 60 },
  async perform(scene) {
    const { viewer, asset } = scene;
    await scene.until("3 s of film", ({ time }) => time > 3, 20);
    const faults: string[] = [];
    const second = await viewer.tryToStart(asset);
    const code = await codeOf(second);
    if (second.status !== 429 || code !== "stream_limit") faults.push(`a second stream was answered ${second.status}`);
    const probe = probeOf(scene);
    let taken = "";
    const endedAfter = await timeUntilRefused(probe, "stream_taken", async () => {
      taken = (await viewer.start(asset, true)).manifestUrl;
    });
    const other = await fetch(taken);
    if (other.status !== 200) faults.push(`the other device was answered ${other.status}`);
    faults.push(...(await stoppedPlaying(scene, "stream_taken")));
    return { endedAfter, faults };
  },
};

export const rotated: Scenario = {
  name: "rotated",
  title: "the signing key is rotated in mid-play",
  assets: ["film", "live"],
  shortAssets: ["film"],
  needs: [],
  options: littleAhead,
  rotatesEvery: 15,
  seconds: { full: 90, short: 60 },
  async perform({ until, session, viewer, asset, watch, short }) {
    await until("the first picture", ({ time }) => time > 1, 20);
    await watch(short ? 20 : 40);
    // After a rotation a new session is signed by another key.
    const { manifestUrl } = await viewer.start(asset);
    const faults = kidOf(manifestUrl) === kidOf(session.manifestUrl) ? ["the key was not rotated"] : [];
    return { faults };
  },
};

/** The last file that the player was given: asking for it again shows whether the edge still gives it. */
function probeOf({ exchanges, cluster }: Scene): string {
  const last = exchanges().findLast(
    ({ url, status }) => status < 300 && !new URL(url, cluster.media.url).pathname.endsWith(".m3u8"),
  );
  if (last === undefined) throw new Error("the player has asked for no segment");
  return new URL(last.url, cluster.media.url).href;
}

/** Milliseconds from the moment at which `end` was done until `probe` is refused with `code`, whatever it was before. */
async function timeUntilRefused(probe: string, code: string, end: () => Promise<void>): Promise<number> {
  await end();
  const began = performance.now();
  for (let given = began; ; ) {
    const response = await fetch(probe, { redirect: "manual" });
    const answer = response.status >= 400 ? await codeOf(response) : "";
    await response.body?.cancel().catch(() => undefined);
    if (answer === code) return Math.round(given - began);
    given = performance.now();
    if (given - began > 15_000) throw new Error(`nothing was refused with ${code}`);
    await after(50);
  }
}

/** Waits until the player has been refused itself, and tells where it was given anything later than it may. */
async function stoppedPlaying({ exchanges, short }: Scene, code: string): Promise<string[]> {
  const refused = () => exchanges().find((exchange) => exchange.code === code);
  for (let waited = 0; refused() === undefined; waited += 0.25) {
    if (waited > (short ? 20 : 40)) return ["the player was never refused"];
    await after(250);
  }
  const at = refused()?.at ?? 0;
  await after(1500);
  const given = exchanges().filter((exchange) => exchange.at > at && exchange.status < 300);
  return given.length === 0 ? [] : [`it was given ${given.length} files after its first refusal`];
}

/** The kid is readable in the grant. */
function kidOf(manifestUrl: string): string | undefined {
  const [grant = ""] = new URL(manifestUrl).pathname.slice(1).split("/");
  return /rotating-\d+/.exec(Buffer.from(grant, "base64url").toString("latin1"))?.[0];
}
