import { type Demo, loadDemo } from "./demo.ts";
import { found } from "./element.ts";
import { play, stop } from "./player.ts";
import { clearRequests, watch } from "./request-list.ts";
import { type Session, startSession } from "./session.ts";
import { hideSession, markOver, showSession } from "./session-panel.ts";
import { offerStreams } from "./stream-choice.ts";
import { offerTokens } from "./token-choice.ts";
import { hideTracks, offerTracks } from "./track-choice.ts";
import { endsSession, runningText } from "./verdict.ts";
import type { Watch } from "./watched-request.ts";

const form = found("start", HTMLFormElement);
const button = found("play", HTMLButtonElement);
const takeOver = found("take-over", HTMLButtonElement);
const video = found("video", HTMLVideoElement);
const stage = found("stage", HTMLElement);
const status = found("status", HTMLElement);

const apiDown = "The API does not answer. Is `npm start` still running? Start it and load this page again.";

function say(words: string, tone?: "bad"): void {
  status.textContent = words;
  status.classList.toggle("bad", tone === "bad");
}

/** What was started last; an answer that comes after the next press of Play is for nothing. */
let current = { asset: "", over: false };

/** What a stream is started with. */
interface Wanted {
  readonly asset: string;
  readonly token: string;
  readonly takeover: boolean;
}

async function start({ apiPath }: Demo, { asset, token, takeover }: Wanted): Promise<void> {
  const mine = { asset, over: false };
  current = mine;
  stop(video);
  hideTracks();
  clearRequests();
  hideSession();
  takeOver.hidden = true;
  stage.classList.remove("live");
  say(`Starting ${asset} …`);
  const end = watch({ kind: "start", url: undefined, name: `POST ${apiPath}/stream/start` });
  const started = await startSession(apiPath, asset, token, takeover);
  if (current !== mine) return;
  switch (started.is) {
    case "unreachable":
      end({ verdict: "unreachable" });
      say(apiDown, "bad");
      return;
    case "refused": {
      const { problem } = started;
      end({ verdict: "refused", problem });
      takeOver.hidden = problem.code !== "stream_limit";
      const says = takeOver.hidden ? problem.detail : `${runningText(problem)}.`;
      say(`${problem.title} (${problem.status} ${problem.code}). ${says}`, "bad");
      return;
    }
    case "done":
      end({ verdict: "served", status: started.status });
      follow(apiPath, started.value, mine);
  }
}

/** Plays a session, and stops where a refusal says that it is over. */
function follow(apiPath: string, session: Session, mine: typeof current): void {
  const watchPlayer: Watch = (request) => {
    const end = watch(request);
    return (outcome) => {
      end(outcome);
      if (current !== mine || mine.over || outcome.verdict !== "refused" || !endsSession(outcome.problem)) return;
      const { title, code, detail } = outcome.problem;
      mine.over = true;
      stop(video);
      stage.classList.remove("live");
      markOver(code);
      say(`${title} (${code}). ${detail}`, "bad");
    };
  };
  showSession(apiPath, session, watch, () => {
    say("Ended by you. Within two seconds the media host will refuse every URL of the session.");
  });
  stage.classList.add("live");
  play(video, session.manifestUrl, { watch: watchPlayer, say, tracks: offerTracks });
}

function followVideo(): void {
  video.addEventListener("playing", () => say(`Playing ${current.asset}.`));
  video.addEventListener("pause", () => {
    if (current.over || video.ended || video.currentTime === 0) return;
    say("Paused. The signatures go on running out; what has run out will be renewed.");
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
  const wished = new URLSearchParams(location.search);
  const asset = offerStreams(demo.streams, wished.get("stream"));
  const token = offerTokens(demo.tokens, wished.get("token"));
  followVideo();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void start(demo, { asset: asset(), token: token(), takeover: false });
  });
  takeOver.addEventListener("click", () => void start(demo, { asset: asset(), token: token(), takeover: true }));
  button.disabled = false;
  say("Ready.");
}

void begin();
