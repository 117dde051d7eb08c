import { countdownIn } from "./countdown.ts";
import { found } from "./element.ts";
import { endSession, type Session, sessionState } from "./session.ts";
import type { Watch } from "./watched-request.ts";

const panel = found("session", HTMLElement);
const state = found("session-state", HTMLElement);
const end = found("end-session", HTMLButtonElement);
const second = found("second-device", HTMLAnchorElement);
const chosenToken = found("token", HTMLSelectElement);

/** In the page's words: what the API calls a session's state, and the media host the refusals that end it. */
const states: Readonly<Record<string, string>> = {
  idle: "idle: its place is free",
  revoked: "ended",
  session_revoked: "ended",
  grant_expired: "ended",
  taken: "taken over",
  stream_taken: "taken over",
  shared: "ended: shared",
  session_shared: "ended: shared",
  binding_mismatch: "bound elsewhere",
};

let current: Session | undefined;
let polling: ReturnType<typeof setInterval> | undefined;

/** Shows a session, its state and its actions. Calls `onEnded` once the viewer has ended it. */
export function showSession(apiPath: string, session: Session, watch: Watch, onEnded: () => void): void {
  hideSession();
  current = session;
  found("session-id", HTMLElement).textContent = session.sessionId;
  countdownIn(found("session-ends", HTMLElement), session.sessionEnds);
  countdownIn(found("manifest-ends", HTMLElement), session.manifestEnds);
  second.href = `/?${new URLSearchParams({ stream: session.asset, token: chosenToken.value })}`;
  say("running");
  end.disabled = false;
  end.onclick = () => void endIt(apiPath, session, watch, onEnded);
  panel.hidden = false;
  polling = setInterval(() => void look(apiPath, session), 5000);
}

/** Takes the panel away, with all that it asks for. */
export function hideSession(): void {
  clearInterval(polling);
  current = undefined;
  panel.hidden = true;
}

/** Says that the session is over, as a refusal's code tells before the API was asked. */
export function markOver(code: string): void {
  clearInterval(polling);
  say(states[code] ?? code);
  end.disabled = true;
}

async function look(apiPath: string, session: Session): Promise<void> {
  const answer = await sessionState(apiPath, session);
  if (current !== session || answer.is !== "done") return;
  const { state: name, networks = 1 } = answer.value;
  say(`${states[name] ?? name}${networks > 1 ? `, in ${networks} networks` : ""}`);
}

async function endIt(apiPath: string, session: Session, watch: Watch, onEnded: () => void): Promise<void> {
  end.disabled = true;
  const request = { kind: "end", url: undefined, name: `DELETE ${apiPath}/stream/…` } as const;
  const answer = await endSession(apiPath, session, { watch, request });
  if (answer.is === "done") {
    if (current !== session) return;
    markOver("session_revoked");
    onEnded();
    return;
  }
  end.disabled = false;
}

function say(words: string): void {
  if (state.textContent !== words) state.textContent = words;
}
