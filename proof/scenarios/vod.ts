import { filmSeconds } from "../films.ts";
import type { Scenario } from "../scenario.ts";

/** So little ahead that what comes after a pause or a seek is loaded after it. */
const littleAhead = { ahead: 6 };

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
  title: "pauses for several expiries, and plays on",
  assets: ["film", "film-variants"],
  shortAssets: ["film"],
  needs: ["pause"],
  options: littleAhead,
  seconds: { full: 200, short: 75 },
  async perform({ playback, until, wait, short, exchanges }) {
    await until("3 s of film", ({ time }) => time > 3, 20);
    await playback.pause();
    // A segment's URL lives for its place in the film: those of the next half minute end within it.
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
  options: littleAhead,
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
  options: littleAhead,
  seconds: { full: 60, short: 45 },
  async perform({ playback, until }) {
    await until("1 s of film", ({ time }) => time > 1, 20);
    const faults: string[] = [];
    await playback.chooseVariant(0);
    await until("the lowest variant", ({ height }) => height === 180, 15).catch(noted(faults));
    await playback.chooseVariant(1);
    await until("the variant above", ({ height }) => height > 180, 15).catch(noted(faults));
    await playback.chooseVariant(0);
    await until("the lowest variant again", ({ height }) => height === 180, 15).catch(noted(faults));
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
  options: littleAhead,
  seconds: { full: 45, short: 45 },
  async perform({ playback, until, exchanges }) {
    await until("1 s of film", ({ time }) => time > 1, 20);
    await playback.chooseTracks({ audio: "de", subtitles: "de" });
    await until("German subtitles", ({ cues }) => cues.some((text) => text.startsWith("Deutsch")), 15);
    await until("the end", ({ ended }) => ended, 40);
    const heard = exchanges().some(({ url }) => /\/audio-de\/\d+\.m4s/.test(url));
    return heard ? {} : { faults: ["the German audio was not asked for"] };
  },
};

function noted(faults: string[]) {
  return (error: unknown) => {
    faults.push(error instanceof Error ? error.message : String(error));
  };
}
