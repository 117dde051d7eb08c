import { countdownIn } from "./countdown.ts";
import { type Demo, loadDemo } from "./demo.ts";
import { found } from "./element.ts";
import { play, stop } from "./player.ts";
import { clearRequests, watch } from "./request-list.ts";
import { type Session, startStream } from "./start.ts";
import { offerTokens } from "./token-choice.ts";
import { hideTracks, offerTracks } from "./track-choice.ts";

const form = found("start", HTMLFormElement);
const streams = found("stream", HTMLSelectElement);
const button = found("play", HTMLButtonElement);
const video = found("video", HTMLVideoElement);
const stage = found("stage", HTMLElement);
const status = found("status", HTMLElement);
const session = found("session", HTMLElement);

const apiDown = "The API does not answer. Is `npm start` still running? Start it and load this page again.";

function say(words: string, tone?: "bad"): void {
  status.textContent = words;
  status.classList.toggle("bad", tone === "bad");
}

function offerStreams(demo: Demo): void {
  const group = (label: string, cdn: string) => {
    const made = document.createElement("optgroup");
    made.label = label;
    for (const stream of demo.streams)
      if (stream.cdn === cdn && stream.playable) made.append(new Option(`${stream.id}: ${stream.title}`, stream.id));
    return made;
  };
  streams.replaceChildren(group("Served by the edge worker", "edge"), group("Signed for CloudFront", "cloudfront"));
}

function showSession({ sessionId, sessionEnds, manifestEnds }: Session): void {
  found("session-id", HTMLElement).textContent = sessionId;
  countdownIn(found("session-ends", HTMLElement), sessionEnds);
  countdownIn(found("manifest-ends", HTMLElement), manifestEnds);
  session.hidden = false;
}

/** What was started last; an answer that comes after the next press of Play is for nothing. */
let current = { asset: "" };

async function start(demo: Demo, token: string): Promise<void> {
  const asset = streams.value;
  const mine = { asset };
  current = mine;
  stop(video);
  hideTracks();
  clearRequests();
  session.hidden = true;
  stage.classList.remove("live");
  say(`Starting ${asset} …`);
  const end = watch({ kind: "start", url: undefined, name: `POST ${demo.startPath}` });
  const started = await startStream(demo.startPath, asset, token);
  if (current !== mine) return;
  switch (started.is) {
    case "unreachable":
      end({ verdict: "unreachable" });
      say(apiDown, "bad");
      return;
    case "refused": {
      const { problem } = started;
      end({ verdict: "refused", problem });
      say(`${problem.title} (${problem.status} ${problem.code}). ${problem.detail}`, "bad");
      return;
    }
    case "started": {
      end({ verdict: "served", status: started.status });
      showSession(started.session);
      stage.classList.add("live");
      play(video, started.session.manifestUrl, { watch, say, tracks: offerTracks });
    }
  }
}

function followVideo(): void {
  video.addEventListener("playing", () => say(`Playing ${current.asset}.`));
  video.addEventListener("pause", () => {
    if (!video.ended && video.currentTime > 0) say("Paused. The signatures go on running out.");
  });
  video.addEventListener("ended", () => say("Played to the end."));
}

async function begin(): Promise<void> {
  let demo: Demo;
  try {
    demo = await loadDemo();
  } catch {
    say(apiDown, "bad");
    return;
  }
  found("media-host", HTMLElement).textContent = demo.mediaUrl.replace(/^https?:\/\//, "");
  found("api-host", HTMLElement).textContent = location.host;
  offerStreams(demo);
  const token = offerTokens(demo.tokens);
  followVideo();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void start(demo, token());
  });
  button.disabled = false;
  say("Ready.");
}

void begin();
