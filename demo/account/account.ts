import type { Credential } from "../credential.ts";
import { elementById } from "../element.ts";
import type { Problem } from "../problem.ts";
import { retryText } from "../verdict.ts";
import type { Watch } from "../watched-request.ts";
import { AccessToken } from "./access-token.ts";
import { prepareCard } from "./account-card.ts";
import { signedInEmail, signOut } from "./identity-client.ts";

const signedOutPart = elementById("signed-out", HTMLElement);
const signedInPart = elementById("signed-in", HTMLElement);
const signedInAs = elementById("signed-in-as", HTMLElement);
const signOutButton = elementById("sign-out", HTMLButtonElement);

export interface AccountEvents {
  readonly watch: Watch;
  readonly say: (words: string, tone?: "bad") => void;
  /** A user has signed in on this page. */
  readonly onSignedIn: () => void;
  /** The user has signed out, in this tab or in another one. */
  readonly onSignedOut: () => void;
  /** The account or its token has changed. */
  readonly onChange: () => void;
}

/** The page's view of the signed-in account. */
export interface Account {
  readonly email: () => string | undefined;
  /** The account's access token. */
  readonly token: Credential & { readonly describe: () => string };
  /** Asks the API who is signed in: when the page loads, and after a refusal of the account's credential. */
  readonly refresh: () => Promise<void>;
}

/** Prepares the account's part of the page. */
export function prepareAccount(events: AccountEvents): Account {
  const { watch, say, onChange } = events;
  const token = new AccessToken(watch, onChange);
  // Tells other tabs that the account has changed. They ask the API for the new state.
  const tabs = new BroadcastChannel("stagedoor-account");
  let email: string | undefined;

  const set = (next: string | undefined) => {
    if (next !== email) token.clear();
    email = next;
    signedInAs.textContent = next ?? "";
    signedInPart.hidden = next === undefined;
    signedOutPart.hidden = next !== undefined;
    onChange();
  };
  const refresh = async () => {
    const before = email;
    const result = await signedInEmail();
    if (result.kind !== "done") return;
    set(result.value);
    if (before !== undefined && result.value === undefined) events.onSignedOut();
  };
  const requestSignOut = async () => {
    signOutButton.disabled = true;
    const result = await signOut(watch);
    signOutButton.disabled = false;
    switch (result.kind) {
      case "unreachable":
        say("You are still signed in: no response. Is `npm start` still running?", "bad");
        return;
      case "refused":
        say(notSignedOut(result.problem), "bad");
        return;
      case "done":
        set(undefined);
        tabs.postMessage("changed");
        say("Signed out.");
        events.onSignedOut();
        elementById("open-sign-in", HTMLButtonElement).focus();
    }
  };

  prepareCard({
    watch,
    onSignedIn: (address, isNew) => {
      set(address);
      tabs.postMessage("changed");
      say(isNew ? `Account created. You are signed in as ${address}.` : `Signed in as ${address}.`);
      events.onSignedIn();
      signOutButton.focus();
    },
  });
  signOutButton.addEventListener("click", () => void requestSignOut());
  tabs.addEventListener("message", () => void refresh());
  return { email: () => email, token, refresh };
}

function notSignedOut(problem: Problem): string {
  const { status, code, title } = problem;
  return `You are still signed in (${status} ${code}). ${retryText(problem) || title}`;
}
