import type { Answer } from "./answer.ts";
import { askUntilRefused } from "./ask-until-refused.ts";
import { found } from "./element.ts";
import type { Problem } from "./problem.ts";
import { clearRequests, watch } from "./request-list.ts";
import { hasEnded, type Session, startSession, type Wanted } from "./session.ts";
import { hideSession, markOver, showSession } from "./session-panel.ts";
import { apiDown, say } from "./status.ts";
import { hideTracks, offerTracks } from "./track-choice.ts";
import { endsSession, retryText, runningText } from "./verdict.ts";
import { play, stop } from "./video-player.ts";
import type { Watch, WatchedRequest } from "./watched-request.ts";

const takeOver = found("take-over", HTMLButtonElement);
const video = found("video", HTMLVideoElement);
const stage = found("stage", HTMLElement);

/** A stream from the press of Play to its end. */
interface Stream {
  readonly wanted: Wanted;
  /** What there is to say of how it began. */
  note: string;
  over: boolean;
  /** What its player asked for last: a playlist, where it asked for one, since those live as long as the session. */
  last: WatchedRequest | undefined;
}

/** What was started last; an answer that comes after the next press of Play is for nothing. */
let current: Stream | undefined;
let signedOut = false;

/** Starts a stream in place of the one before it. `onDoubt` is told where the account's credential is refused. */
export async function start(apiPath: string, wanted: Wanted, onDoubt: () => void): Promise<void> {
  const mine: Stream = { wanted, note: "", over: false, last: undefined };
  current = mine;
  signedOut = false;
  stop(video);
  hideTracks();
  clearRequests();
  hideSession();
  takeOver.hidden = true;
  stage.classList.remove("live");
  say(`Starting ${wanted.asset} …`);
  const request = { kind: "start", url: undefined, name: `POST ${apiPath}/stream/start` } as const;
  const send = () => startSession(apiPath, wanted, { watch, request });
  let started = await send();
  if (current === mine && hasEnded(started) && wanted.credential.ended()) {
    mine.note = " The access token had ended, so a fresh one was fetched.";
    say(`Starting ${wanted.asset} …${mine.note}`);
    started = await send();
  }
  if (current !== mine) return;
  if (started.is === "done") follow(apiPath, started.value, mine, onDoubt);
  else sayNotStarted(started);
  if (started.is === "refused" && started.problem.status === 401 && wanted.credential.ofAccount) onDoubt();
}

/** After a sign-out the stream ends as soon as the media host refuses it; the page asks at once. */
export async function stopAfterSignOut(): Promise<void> {
  const mine = current;
  if (mine === undefined || mine.over || !mine.wanted.credential.ofAccount) return;
  signedOut = true;
  if (mine.last?.url === undefined) return;
  say("Signed out. Within two seconds the media host will refuse what plays.");
  await askUntilRefused(mine.last, mine.last.url, watchFor(mine), () => current === mine && !mine.over);
}

/** Says how the picture goes on. */
export function followVideo(): void {
  const saying = (words: (stream: Stream) => string) => () => {
    if (current !== undefined && !current.over && !signedOut) say(words(current));
  };
  video.addEventListener(
    "playing",
    saying(({ wanted, note }) => `Playing ${wanted.asset}.${note}`),
  );
  video.addEventListener(
    "ended",
    saying(() => "Played to the end."),
  );
  const sayPaused = saying(() => "Paused. The signatures go on running out; what has run out will be renewed.");
  video.addEventListener("pause", () => {
    if (!video.ended && video.currentTime > 0) sayPaused();
  });
}

function sayNotStarted(started: Exclude<Answer<Session>, { is: "done" }>): void {
  if (started.is === "unreachable") {
    say(apiDown, "bad");
    return;
  }
  const { problem } = started;
  const { title, status, code } = problem;
  takeOver.hidden = code !== "stream_limit";
  say(`${title} (${status} ${code}). ${takeOver.hidden ? retryText(problem) : `${runningText(problem)}.`}`, "bad");
}

function follow(apiPath: string, session: Session, mine: Stream, onDoubt: () => void): void {
  const onEnded = () => say("Ended by you. Within two seconds the media host will refuse every URL of the session.");
  showSession(apiPath, session, watch, onEnded);
  stage.classList.add("live");
  play(video, session.manifestUrl, { watch: watchFor(mine, onDoubt), say, tracks: offerTracks });
}

/** Stops where a refusal says that the session is over. */
function watchFor(mine: Stream, onDoubt?: () => void): Watch {
  return (request) => {
    if (request.url !== undefined && (request.kind === "playlist" || mine.last?.kind !== "playlist"))
      mine.last = request;
    const end = watch(request);
    return (outcome) => {
      end(outcome);
      if (current !== mine || mine.over || outcome.verdict !== "refused" || !endsSession(outcome.problem)) return;
      mine.over = true;
      stop(video);
      stage.classList.remove("live");
      markOver(outcome.problem.code);
      say(overText(outcome.problem), "bad");
      if (mine.wanted.credential.ofAccount) onDoubt?.();
    };
  };
}

function overText({ title, code, detail }: Problem): string {
  if (signedOut && code === "session_revoked")
    return `The film stopped because you signed out: the media host refuses its session (403 ${code}).`;
  return `${title} (${code}). ${detail}`;
}
