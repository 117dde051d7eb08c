import { setTimeout as after } from "node:timers/promises";
import type { Scenario, Scene } from "../scenario.ts";

const littleAhead = { ahead: 6 };

export const revoked: Scenario = {
  name: "revoked",
  title: "is revoked during playback",
  assets: ["film", "live"],
  shortAssets: ["film"],
  needs: [],
  options: littleAhead,
  expectedCodes: ["session_revoked"],
  isCut: true,
  seconds: { full: 60, short: 60 },
  async perform(scene) {
    await scene.until("3 s of film", ({ time }) => time > 3, 20);
    const probe = probeOf(scene);
    const endedAfter = await timeUntilRefused(probe, "session_revoked", async () => {
      const { status } = await scene.viewer.end(scene.session);
      if (status !== 204) throw new Error(`ending the session returned ${status}`);
    });
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
  expectedCodes: ["stream_taken"],
  isCut: true,
  seconds: { full: 60, short: 60 },
  async perform(scene) {
    const { viewer, asset } = scene;
    await scene.until("3 s of film", ({ time }) => time > 3, 20);
    const faults: string[] = [];
    const second = await viewer.tryStart({ asset });
    if (second.status !== 429 || second.code !== "stream_limit")
      faults.push(`a second stream returned ${second.status}`);
    const probe = probeOf(scene);
    let otherUrl = "";
    const endedAfter = await timeUntilRefused(probe, "stream_taken", async () => {
      otherUrl = (await viewer.start({ asset, takeover: true })).manifestUrl;
    });
    const other = await fetch(otherUrl);
    if (other.status !== 200) faults.push(`the other device got ${other.status}`);
    faults.push(...(await stoppedPlaying(scene, "stream_taken")));
    return { endedAfter, faults };
  },
};

export const rotated: Scenario = {
  name: "rotated",
  title: "the signing key is rotated during playback",
  assets: ["film", "live"],
  shortAssets: ["film"],
  needs: [],
  options: littleAhead,
  rotationInterval: 15,
  seconds: { full: 90, short: 60 },
  async perform({ until, session, viewer, asset, watch, short }) {
    await until("the first picture", ({ time }) => time > 1, 20);
    await watch(short ? 20 : 40);
    // After a rotation, another key signs a new session.
    const { manifestUrl } = await viewer.start({ asset });
    const faults = kidOf(manifestUrl) === kidOf(session.manifestUrl) ? ["the key was not rotated"] : [];
    return { faults };
  },
};

/** The URL of the last file that the player received. Another request for it shows whether the edge still serves it. */
function probeOf({ exchanges, cluster }: Scene): string {
  const last = exchanges().findLast(
    ({ url, status }) => status < 300 && !new URL(url, cluster.media.url).pathname.endsWith(".m3u8"),
  );
  if (last === undefined) throw new Error("the player has requested no segment");
  return new URL(last.url, cluster.media.url).href;
}

/** Milliseconds from the end of `end` until `probe` is refused with `code`. */
async function timeUntilRefused(probe: string, code: string, end: () => Promise<void>): Promise<number> {
  await end();
  const start = performance.now();
  for (let sentAt = start; ; ) {
    const response = await fetch(probe, { redirect: "manual" });
    const refusal = response.status >= 400 ? Object(await response.json().catch(() => undefined)).code : undefined;
    await response.body?.cancel().catch(() => undefined);
    if (refusal === code) return Math.round(sentAt - start);
    sentAt = performance.now();
    if (sentAt - start > 15_000) throw new Error(`nothing was refused with ${code}`);
    await after(50);
  }
}

/** Waits until the player itself is refused, and returns a fault if it received a file afterwards. */
async function stoppedPlaying({ exchanges, short }: Scene, code: string): Promise<string[]> {
  const refused = () => exchanges().find((exchange) => exchange.code === code);
  for (let waited = 0; refused() === undefined; waited += 0.25) {
    if (waited > (short ? 20 : 40)) return ["the player was never refused"];
    await after(250);
  }
  const at = refused()?.at ?? 0;
  await after(1500);
  const received = exchanges().filter((exchange) => exchange.at > at && exchange.status < 300);
  return received.length === 0 ? [] : [`it received ${received.length} files after its first refusal`];
}

/** The kid is readable in the grant. */
function kidOf(manifestUrl: string): string | undefined {
  const [grant = ""] = new URL(manifestUrl).pathname.slice(1).split("/");
  return /rotating-\d+/.exec(Buffer.from(grant, "base64url").toString("latin1"))?.[0];
}
