import type { Account } from "./account/account.ts";
import { describeToken } from "./bearer-token.ts";
import { bearerCredential, type Credential, cookieCredential } from "./credential.ts";
import type { DemoToken } from "./demo-data.ts";
import { found } from "./element.ts";

const choice = found("token", HTMLSelectElement);
const pasted = found("pasted", HTMLInputElement);
const pastedField = found("pasted-field", HTMLElement);
const description = found("token-says", HTMLElement);

export interface TokenChoice {
  /** The credential that is chosen now. */
  readonly chosen: () => Credential;
  /** Chooses the account of who is signed in. */
  readonly chooseAccount: () => void;
  /** Updates the description of the chosen token. */
  readonly describe: () => void;
}

/**
 * Offers the signed-in account, the prepared tokens, and a field for the viewer's own token; the one that is
 * wished for is chosen.
 */
export function offerTokens(tokens: readonly DemoToken[], wished: string | null, account: Account): TokenChoice {
  const own = [new Option("Your account", "account"), new Option("Your account, by cookie alone", "cookie")];
  const ready = tokens.map(({ id, label }) => new Option(label, id));
  const paste = new Option("Paste a token of your own", "pasted");
  choice.replaceChildren(group("Who is signed in", own), group("Ready to try", [...ready, paste]));
  const isOffered = [...own, ...ready].some(({ value }) => value === wished);
  choice.value = (isOffered ? wished : tokens[0]?.id) ?? "pasted";

  const token = () =>
    choice.value === "pasted" ? pasted.value.trim() : (tokens.find(({ id }) => id === choice.value)?.token ?? "");
  const says = () => {
    if (choice.value !== "account" && choice.value !== "cookie") return describeToken(token());
    if (account.email() === undefined)
      return "Nobody is signed in. Sign in at the top of the page, or take another one.";
    if (choice.value === "account") return account.token.describe();
    return "No Authorization header: the browser adds its HttpOnly cookie by itself, and no script can read it.";
  };
  const describe = () => {
    pastedField.hidden = choice.value !== "pasted";
    description.textContent = says();
  };
  choice.addEventListener("change", () => {
    describe();
    if (choice.value === "pasted") pasted.focus();
  });
  pasted.addEventListener("input", describe);
  describe();
  return {
    chosen: () => {
      if (choice.value === "account") return account.token;
      return choice.value === "cookie" ? cookieCredential : bearerCredential(token());
    },
    chooseAccount: () => {
      choice.value = "account";
      describe();
    },
    describe,
  };
}

function group(label: string, options: readonly HTMLOptionElement[]): HTMLOptGroupElement {
  const made = document.createElement("optgroup");
  made.label = label;
  made.append(...options);
  return made;
}
