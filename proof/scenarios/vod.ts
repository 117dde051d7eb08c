import { filmSeconds } from "../films.ts";
import type { Scenario } from "../scenario.ts";

/** A small buffer, so that the segments after a pause or a seek are loaded after it. */
const smallBuffer = { ahead: 6 };

export const playThrough: Scenario = {
  name: "through",
  title: "plays through",
  assets: ["vod-single", "vod-ts", "vod-fmp4"],
  shortAssets: ["vod-fmp4"],
  shortPlayers: ["Chromium", "ffmpeg"],
  needs: [],
  seconds: { full: 45, short: 45 },
  async perform({ until }) {
    await until("the end", ({ ended }) => ended, 40);
    return {};
  },
};

export const pause: Scenario = {
  name: "pause",
  title: "pauses past several expiries, and continues",
  assets: ["film", "film-variants"],
  shortAssets: ["film"],
  needs: ["pause"],
  options: smallBuffer,
  seconds: { full: 200, short: 75 },
  async perform({ playback, until, wait, short, exchanges }) {
    await until("3 s of film", ({ time }) => time > 3, 20);
    await playback.pause();
    // A segment's URL expires by its place in the film: those of the next half minute expire during the pause.
    await wait(short ? 20 : 90);
    await playback.play();
    const to = short ? 18 : 60;
    await until(`${to} s of film`, ({ time }) => time > to, to + 20);
    const renewed = exchanges().some(({ status }) => status === 307);
    return renewed ? {} : { faults: ["no URL was renewed"] };
  },
};

export const seek: Scenario = {
  name: "seek",
  title: "seeks far ahead and back, past the expiries",
  assets: ["film", "film-variants"],
  shortAssets: ["film"],
  needs: ["seek"],
  options: smallBuffer,
  seconds: { full: 90, short: 60 },
  async perform({ playback, until, wait, short, exchanges }) {
    await until("2 s of film", ({ time }) => time > 2, 20);
    await playback.seek(filmSeconds - 44);
    await until("the film's last part", ({ time }) => time > filmSeconds - 42, 20);
    await wait(short ? 16 : 30);
    await playback.seek(13);
    await until("the film's first part", ({ time }) => time > 18 && time < 60, 25);
    const renewed = exchanges().some(({ status }) => status === 307);
    return renewed ? {} : { faults: ["no URL was renewed"] };
  },
};

export const variants: Scenario = {
  name: "variants",
  title: "switches variants up and down",
  assets: ["vod-tracks", "film-variants", "vod-fmp4"],
  shortAssets: ["vod-tracks"],
  needs: ["variants"],
  options: smallBuffer,
  seconds: { full: 60, short: 45 },
  async perform({ playback, until }) {
    await until("1 s of film", ({ time }) => time > 1, 20);
    const faults: string[] = [];
    await playback.chooseVariant(0);
    await until("the lowest variant", ({ height }) => height === 180, 15).catch(recordFault(faults));
    await playback.chooseVariant(1);
    await until("the variant above", ({ height }) => height > 180, 15).catch(recordFault(faults));
    await playback.chooseVariant(0);
    await until("the lowest variant again", ({ height }) => height === 180, 15).catch(recordFault(faults));
    return { faults };
  },
};

export const aes: Scenario = {
  name: "aes",
  title: "AES-128 with a change of key",
  assets: ["vod-aes"],
  needs: [],
  seconds: { full: 45, short: 45 },
  async perform({ until }) {
    await until("the end", ({ ended }) => ended, 40);
    return {};
  },
};

export const tracks: Scenario = {
  name: "tracks",
  title: "subtitles and another audio track",
  assets: ["vod-tracks"],
  needs: ["tracks"],
  options: smallBuffer,
  seconds: { full: 45, short: 45 },
  async perform({ playback, until, exchanges }) {
    await until("1 s of film", ({ time }) => time > 1, 20);
    await playback.chooseTracks({ audio: "de", subtitles: "de" });
    await until("German subtitles", ({ cues }) => cues.some((text) => text.startsWith("Deutsch")), 15);
    await until("the end", ({ ended }) => ended, 40);
    const loaded = exchanges().some(({ url }) => /\/audio-de\/\d+\.m4s/.test(url));
    return loaded ? {} : { faults: ["the German audio was not requested"] };
  },
};

function recordFault(faults: string[]) {
  return (error: unknown) => {
    faults.push(error instanceof Error ? error.message : String(error));
  };
}
