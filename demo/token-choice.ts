import type { Account } from "./account/account.ts";
import { describeToken } from "./bearer-token.ts";
import { bearerCredential, type Credential, cookieCredential } from "./credential.ts";
import type { DemoToken } from "./demo-data.ts";
import { elementById } from "./element.ts";

const choice = elementById("token", HTMLSelectElement);
const pasted = elementById("pasted", HTMLInputElement);
const pastedField = elementById("pasted-field", HTMLElement);
const description = elementById("token-says", HTMLElement);

export interface TokenChoice {
  /** The selected credential. */
  readonly chosen: () => Credential;
  /** Selects the account of the signed-in user. */
  readonly chooseAccount: () => void;
  /** Updates the description of the selected token. */
  readonly describe: () => void;
}

/**
 * Offers the signed-in account, the prepared tokens, and a field for the viewer's own token, and selects `preferred`.
 */
export function offerTokens(tokens: readonly DemoToken[], preferred: string | null, account: Account): TokenChoice {
  const own = [new Option("Your account", "account"), new Option("Your account, by cookie only", "cookie")];
  const ready = tokens.map(({ id, label }) => new Option(label, id));
  const paste = new Option("Paste your own token", "pasted");
  choice.replaceChildren(group("Signed-in account", own), group("Ready to try", [...ready, paste]));
  const isOffered = [...own, ...ready].some(({ value }) => value === preferred);
  choice.value = (isOffered ? preferred : tokens[0]?.id) ?? "pasted";

  const token = () =>
    choice.value === "pasted" ? pasted.value.trim() : (tokens.find(({ id }) => id === choice.value)?.token ?? "");
  const currentDescription = () => {
    if (choice.value !== "account" && choice.value !== "cookie") return describeToken(token());
    if (account.email() === undefined) return "Not signed in. Sign in at the top of the page, or choose another token.";
    if (choice.value === "account") return account.token.describe();
    return "No Authorization header: the browser adds its HttpOnly cookie itself, and no script can read it.";
  };
  const describe = () => {
    pastedField.hidden = choice.value !== "pasted";
    description.textContent = currentDescription();
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
  const created = document.createElement("optgroup");
  created.label = label;
  created.append(...options);
  return created;
}
