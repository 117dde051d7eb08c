import type { ApiResult } from "./api-result.ts";
import { elementById } from "./element.ts";
import type { Problem } from "./problem.ts";
import { clearRequests, watch } from "./request-list.ts";
import { requestUntilRefused } from "./request-until-refused.ts";
import { isTokenExpired, type Session, type StartOptions, startSession } from "./session.ts";
import { hideSession, markOver, showSession } from "./session-panel.ts";
import { hideTrial, offerTrial } from "./signature-trial.ts";
import { say } from "./status.ts";
import { hideStills, hideThumbnails, showStills } from "./stills.ts";
import { filesOf, isListed } from "./stream-choice.ts";
import { hideTracks, offerTracks } from "./track-choice.ts";
import { endsSession, retryText, runningText } from "./verdict.ts";
import { play, stop } from "./video-player.ts";
import type { Watch, WatchedRequest } from "./watched-request.ts";

const takeOver = elementById("take-over", HTMLButtonElement);
const video = elementById("video", HTMLVideoElement);
const stage = elementById("stage", HTMLElement);

/** A stream from the press of Play to its end. */
interface Stream {
  readonly options: StartOptions;
  /** A remark about its start. */
  note: string;
  over: boolean;
  /** The last request of its player: a playlist if there was one, since its URL is valid for the whole session. */
  last: WatchedRequest | undefined;
}

/** The last stream that was started. Results of an earlier one are ignored. */
let current: Stream | undefined;
let signedOut = false;

/** Starts a stream instead of the current one. `onDoubt` is called when the account's credential is refused. */
export async function start(apiPath: string, options: StartOptions, onDoubt: () => void): Promise<void> {
  const stream: Stream = { options, note: "", over: false, last: undefined };
  current = stream;
  signedOut = false;
  stop(video);
  hideTracks();
  hideStills(video);
  clearRequests();
  hideSession();
  hideTrial();
  takeOver.hidden = true;
  stage.classList.remove("live");
  say(`Starting ${options.asset} …`);
  const request = { kind: "start", url: undefined, name: `POST ${apiPath}/stream/start` } as const;
  const send = () => startSession(apiPath, options, { watch, request });
  let started = await send();
  if (current === stream && isTokenExpired(started) && options.credential.discard()) {
    stream.note = " The access token had expired, so a new one was fetched.";
    say(`Starting ${options.asset} …${stream.note}`);
    started = await send();
  }
  if (current !== stream) return;
  if (started.kind === "done") playSession(apiPath, started.value, stream, onDoubt);
  else sayNotStarted(started, options.asset);
  if (started.kind === "refused" && started.problem.status === 401 && options.credential.ofAccount) onDoubt();
}

/** Lets the stream end as soon as the media host refuses it after a sign-out, which the page checks at once. */
export async function stopAfterSignOut(): Promise<void> {
  const stream = current;
  if (stream === undefined || stream.over || !stream.options.credential.ofAccount) return;
  signedOut = true;
  if (stream.last?.url === undefined) return;
  say("Signed out. Within two seconds the media host will refuse this stream.");
  await requestUntilRefused(stream.last, stream.last.url, watchFor(stream), () => current === stream && !stream.over);
}

/** Reports the state of playback in the status. */
export function followVideo(): void {
  const reporter = (words: (stream: Stream) => string) => () => {
    if (current !== undefined && !current.over && !signedOut) say(words(current));
  };
  video.addEventListener("playing", reporter(playingText));
  video.addEventListener(
    "ended",
    reporter(() => "Played to the end."),
  );
  const sayPaused = reporter(() => "Paused. Signatures still expire; expired URLs will be renewed.");
  video.addEventListener("pause", () => {
    if (!video.ended && video.currentTime > 0) sayPaused();
  });
}

function playingText({ options, note }: Stream): string {
  return `Playing ${options.asset}.${note}`;
}

function sayNotStarted(started: Exclude<ApiResult<Session>, { kind: "done" }>, asset: string): void {
  if (started.kind === "unreachable") {
    say("The API does not respond. Check that `npm start` is still running, then press Play.", "bad");
    return;
  }
  const { problem } = started;
  const { title, status, code } = problem;
  takeOver.hidden = code !== "stream_limit";
  if (code === "asset_unknown" && isListed(asset)) {
    say(`${asset} was added a moment ago. The API knows it within five seconds: press Play again.`, "bad");
    return;
  }
  say(`${title} (${status} ${code}). ${takeOver.hidden ? retryText(problem) : `${runningText(problem)}.`}`, "bad");
}

function playSession(apiPath: string, session: Session, stream: Stream, onDoubt: () => void): void {
  const onEnded = () => say("Ended by you. Within two seconds the media host will refuse every URL of the session.");
  showSession(apiPath, session, watch, onEnded);
  stage.classList.add("live");
  const { asset, credential } = stream.options;
  void showStills(apiPath, video, filesOf(asset), {
    asset,
    credential,
    watch,
    isCurrent: () => current === stream && !stream.over,
  });
  play(video, session.manifestUrl, {
    watch: watchFor(stream, onDoubt),
    say,
    tracks: offerTracks,
    stopped: (reason) => stopPlayback(stream, reason),
    recovered: () => {
      if (current === stream && !stream.over && !signedOut && !video.paused) say(playingText(stream));
    },
  });
}

function stopPlayback(stream: Stream, reason: string): void {
  if (current !== stream || stream.over) return;
  stream.over = true;
  stop(video);
  hideTracks();
  hideThumbnails();
  stage.classList.remove("live");
  say(reason, "bad");
}

/** Stops playback when a refusal shows that the session is over. */
function watchFor(stream: Stream, onDoubt?: () => void): Watch {
  return (request) => {
    if (request.url !== undefined && (request.kind === "playlist" || stream.last?.kind !== "playlist"))
      stream.last = request;
    const end = watch(request);
    return (outcome) => {
      end(outcome);
      if (current !== stream || stream.over) return;
      if (outcome.verdict === "served") offerTrial(request, watch);
      if (outcome.verdict !== "refused" || !endsSession(outcome.problem)) return;
      stopPlayback(stream, overText(outcome.problem));
      hideTrial();
      markOver(outcome.problem.code);
      if (stream.options.credential.ofAccount) onDoubt?.();
    };
  };
}

function overText({ title, code, detail }: Problem): string {
  if (signedOut && code === "session_revoked")
    return `The film stopped because you signed out: the media host refuses its session (403 ${code}).`;
  return `${title} (${code}). ${detail}`;
}
