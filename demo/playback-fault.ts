import type { Problem } from "./problem.ts";
import { retryText } from "./verdict.ts";
import type { RequestKind } from "./watched-request.ts";

/** The last request of the player that failed: without a problem, there was no response. */
export interface FailedRequest {
  readonly kind: RequestKind;
  readonly host: string;
  readonly problem: Problem | undefined;
}

/** The parts of an hls.js error that the message depends on. */
export interface PlayerError {
  readonly type: string;
  readonly details: string;
}

/**
 * Says in words why playback stopped, and what to do. `request` is the failed request if the error is one of the network.
 *
 * @example playbackFault({ type: "networkError", details: "manifestLoadError" }, { kind: "multivariant", host: "localhost:8788", problem: undefined });
 */
export function playbackFault({ type, details }: PlayerError, request: FailedRequest | undefined): string {
  if (details.includes("Codec"))
    return `Playback stopped: this browser does not support the stream's codecs (${details}). Try another browser.`;
  if (details.endsWith("ParsingError") || details === "levelEmptyError")
    return `Playback stopped: the player cannot read a file of the stream (${details}). Check the files at the asset's origin.`;
  if (details.includes("Load") && request !== undefined) return `Playback stopped: ${requestFault(request)}`;
  if (type === "mediaError")
    return `Playback stopped: this browser cannot decode the stream (${details}). Check the files at the asset's origin, or try another browser.`;
  return `Playback stopped: the player reports ${details}. Press Play to start again.`;
}

const nounOf: Readonly<Record<RequestKind, string>> = {
  account: "a request",
  start: "the start",
  end: "the end",
  multivariant: "the manifest",
  playlist: "a playlist",
  init: "an init segment",
  segment: "a segment",
  subtitle: "subtitles",
  key: "a key",
  file: "a file",
};

/** Says why a request failed, and what to do. */
function requestFault({ kind, host, problem }: FailedRequest): string {
  if (problem === undefined)
    return `the media host ${host} does not respond. Check that \`npm start\` is still running, then press Play.`;
  const { title, status, code } = problem;
  return `the media host refused ${nounOf[kind]}. ${title} (${status} ${code}). ${retryText(problem)}`;
}

/** Says that a request failed, while the player still tries to continue. */
export function requestWarning({ kind, host, problem }: FailedRequest): string {
  if (problem === undefined) return `${host} does not respond. The player continues with its buffer and tries again.`;
  return `The media host refused ${nounOf[kind]} (${problem.status} ${problem.code}). The player continues with its buffer.`;
}
