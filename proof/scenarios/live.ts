import type { Scenario } from "../scenario.ts";

export const live: Scenario = {
  name: "live",
  title: "ten minutes of live",
  assets: ["live", "live-dvr", "live-event"],
  shortAssets: ["live"],
  needs: [],
  compared: true,
  settings: { STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "10" },
  seconds: { full: 640, short: 45 },
  async perform({ until, watch, short, asset }) {
    await until("the first picture", ({ time }) => time > 0, 20);
    // Ten minutes for the plain window. The other kinds of playlist show their differences sooner.
    return watch(short ? 20 : asset === "live" ? 600 : 120);
  },
};

export const lowLatency: Scenario = {
  name: "live-ll",
  title: "LL-HLS with blocking reload",
  assets: ["live-ll"],
  needs: ["low-latency"],
  compared: true,
  settings: { STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "10" },
  options: { lowLatency: true },
  seconds: { full: 200, short: 45 },
  async perform({ until, watch, short, exchanges }) {
    await until("the first picture", ({ time }) => time > 0, 20);
    const findings = await watch(short ? 20 : 180);
    const blocking = exchanges().filter(({ url }) => url.includes("_HLS_msn=")).length;
    const parts = exchanges().filter(({ url }) => /\/\d+\.\d+\.\w+\?/.test(url)).length;
    return { ...findings, notes: [`${blocking} blocking reloads, ${parts} parts`] };
  },
};
