import type { Credential } from "../credential.ts";
import { found } from "../element.ts";
import type { Problem } from "../problem.ts";
import { retryText } from "../verdict.ts";
import type { Watch } from "../watched-request.ts";
import { AccessToken } from "./access-token.ts";
import { prepareCard } from "./account-card.ts";
import { signOut, whoIsSignedIn } from "./identity.ts";

const signedOutPart = found("signed-out", HTMLElement);
const signedInPart = found("signed-in", HTMLElement);
const signedInAs = found("signed-in-as", HTMLElement);
const signOutButton = found("sign-out", HTMLButtonElement);

export interface AccountEvents {
  readonly watch: Watch;
  readonly say: (words: string, tone?: "bad") => void;
  /** Somebody has signed in here. */
  readonly onSignedIn: () => void;
  /** Somebody has signed out, in this tab or in another one. */
  readonly onSignedOut: () => void;
  /** What is said of the account has changed. */
  readonly onChange: () => void;
}

/** Who is signed in, as the page knows it. */
export interface Account {
  readonly email: () => string | undefined;
  /** The account's access token. */
  readonly token: Credential & { readonly describe: () => string };
  /** Asks who is signed in: at the page's beginning, and where a refusal lets doubt it. */
  readonly look: () => Promise<void>;
}

/** Makes the account's part of the page work. */
export function prepareAccount(events: AccountEvents): Account {
  const { watch, say, onChange } = events;
  const token = new AccessToken(watch, onChange);
  // Tells the other tabs that something has changed, and nothing else; what it is they ask the API.
  const tabs = new BroadcastChannel("stagedoor-account");
  let email: string | undefined;

  const set = (now: string | undefined) => {
    if (now !== email) token.drop();
    email = now;
    signedInAs.textContent = now ?? "";
    signedInPart.hidden = now === undefined;
    signedOutPart.hidden = now !== undefined;
    onChange();
  };
  const look = async () => {
    const before = email;
    const answer = await whoIsSignedIn();
    if (answer.is !== "done") return;
    set(answer.value);
    if (before !== undefined && answer.value === undefined) events.onSignedOut();
  };
  const leave = async () => {
    signOutButton.disabled = true;
    const answer = await signOut(watch);
    signOutButton.disabled = false;
    switch (answer.is) {
      case "unreachable":
        say("You are still signed in: nobody answers. Is `npm start` still running?", "bad");
        return;
      case "refused":
        say(notSignedOut(answer.problem), "bad");
        return;
      case "done":
        set(undefined);
        tabs.postMessage("changed");
        say("Signed out.");
        events.onSignedOut();
        found("open-sign-in", HTMLButtonElement).focus();
    }
  };

  prepareCard({
    watch,
    say,
    onSignedIn: (as, isNew) => {
      set(as);
      tabs.postMessage("changed");
      say(isNew ? `Your account is made, and you are signed in as ${as}.` : `Signed in as ${as}.`);
      events.onSignedIn();
      signOutButton.focus();
    },
  });
  signOutButton.addEventListener("click", () => void leave());
  tabs.addEventListener("message", () => void look());
  return { email: () => email, token, look };
}

function notSignedOut(problem: Problem): string {
  const { status, code, title } = problem;
  return `You are still signed in (${status} ${code}). ${retryText(problem) || title}`;
}
