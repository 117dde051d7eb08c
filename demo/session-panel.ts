import { countdownIn } from "./countdown.ts";
import { elementById } from "./element.ts";
import { endSession, type Session, sessionState } from "./session.ts";
import { endsSession } from "./verdict.ts";
import type { Watch } from "./watched-request.ts";

const panel = elementById("session", HTMLElement);
const state = elementById("session-state", HTMLElement);
const remainingTimes = [...panel.querySelectorAll<HTMLElement>(".remaining")];
const endButton = elementById("end-session", HTMLButtonElement);
const second = elementById("second-device", HTMLAnchorElement);
const chosenToken = elementById("token", HTMLSelectElement);

/** The page's words for a session's state, by the API's state or by the code of the refusal that ended it. */
const states: Readonly<Record<string, string>> = {
  idle: "idle: its slot is free",
  revoked: "ended",
  session_revoked: "ended",
  grant_expired: "ended",
  taken: "taken over",
  stream_taken: "taken over",
  shared: "ended: shared",
  session_shared: "ended: shared",
  binding_mismatch: "bound elsewhere",
};

/** The states of the API in which a session is over. */
const overStates: ReadonlySet<string> = new Set(["revoked", "taken", "shared"]);

let current: Session | undefined;
let isOver = false;
let polling: ReturnType<typeof setInterval> | undefined;

/** Shows a session, its state and its actions. Calls `onEnded` once the viewer has ended it. */
export function showSession(apiPath: string, session: Session, watch: Watch, onEnded: () => void): void {
  hideSession();
  current = session;
  isOver = false;
  for (const time of remainingTimes) time.hidden = false;
  elementById("session-id", HTMLElement).textContent = session.sessionId;
  countdownIn(elementById("session-ends", HTMLElement), session.sessionExpiresAt);
  countdownIn(elementById("manifest-ends", HTMLElement), session.manifestExpiresAt);
  second.href = `/?${new URLSearchParams({ stream: session.asset, token: chosenToken.value })}`;
  say("running");
  endButton.disabled = false;
  endButton.onclick = () => void endCurrent(apiPath, session, watch, onEnded);
  panel.hidden = false;
  polling = setInterval(() => void refreshState(apiPath, session), 5000);
}

/** Hides the panel and stops its status requests. */
export function hideSession(): void {
  clearInterval(polling);
  current = undefined;
  panel.hidden = true;
}

/** Shows that the session is over, by the code of a refusal or the API's state: it has no remaining time. */
export function markOver(reason: string): void {
  clearInterval(polling);
  isOver = true;
  for (const time of remainingTimes) time.hidden = true;
  say(states[reason] ?? reason);
  endButton.disabled = true;
}

async function refreshState(apiPath: string, session: Session): Promise<void> {
  const result = await sessionState(apiPath, session);
  if (current !== session || isOver) return;
  if (result.kind === "refused" && endsSession(result.problem)) markOver(result.problem.code);
  if (result.kind !== "done") return;
  const { state: name, networks = 1 } = result.value;
  if (overStates.has(name)) markOver(name);
  else say(`${states[name] ?? name}${networks > 1 ? `, in ${networks} networks` : ""}`);
}

async function endCurrent(apiPath: string, session: Session, watch: Watch, onEnded: () => void): Promise<void> {
  endButton.disabled = true;
  const request = { kind: "end", url: undefined, name: `DELETE ${apiPath}/stream/…` } as const;
  const result = await endSession(apiPath, session, { watch, request });
  if (result.kind === "done") {
    if (current !== session) return;
    markOver("session_revoked");
    onEnded();
    return;
  }
  endButton.disabled = false;
}

function say(words: string): void {
  if (state.textContent !== words) state.textContent = words;
}
