import type { Scenario } from "../scenario.ts";

export const cloudFront: Scenario = {
  name: "cloudfront",
  title: "CloudFront with the helper: pauses past every expiry",
  assets: ["vod-cloudfront", "vod-cloudfront-ec"],
  shortAssets: ["vod-cloudfront"],
  shortPlayers: ["hls.js", "Shaka", "video.js"],
  needs: ["helper"],
  options: { ahead: 6 },
  helper: { margin: 2 },
  seconds: { full: 90, short: 75 },
  async perform({ playback, until, wait, short }) {
    await until("2 s of film", ({ time }) => time > 2, 20);
    await playback.pause();
    // By then the URLs for the film's 24 s have expired. CloudFront does not renew URLs.
    await wait(short ? 22 : 30);
    await playback.play();
    await until("the end", ({ ended }) => ended, 40);
    return {};
  },
};

export const renewed: Scenario = {
  name: "session-end",
  title: "a session ends, and the helper continues with a new one",
  assets: ["film", "film-variants", "live"],
  shortAssets: ["film-variants"],
  shortPlayers: ["hls.js", "Shaka", "video.js"],
  needs: ["helper"],
  options: { ahead: 6 },
  settings: { STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "10", STAGEDOOR_SESSION_TTL: "20" },
  helper: { margin: 4 },
  seconds: { full: 60, short: 45 },
  async perform({ until, watch, exchanges }) {
    await until("the first picture", ({ time }) => time > 0, 20);
    const findings = await watch(35);
    const grants = new Set(exchanges().map(({ url }) => url.split("/")[1]));
    return grants.size > 1
      ? findings
      : { ...findings, faults: [...(findings.faults ?? []), "no new session was started"] };
  },
};
