import { element, found } from "../element.ts";
import type { Watch } from "../watched-request.ts";
import { type Fault, faultIn, faultOf } from "./account-words.ts";
import { signIn, signUp } from "./identity.ts";

const card = found("account-card", HTMLElement);
const form = found("account-form", HTMLFormElement);
const title = found("account-title", HTMLElement);
const email = found("email", HTMLInputElement);
const password = found("password", HTMLInputElement);
const passwordHint = found("password-hint", HTMLElement);
const submit = found("account-submit", HTMLButtonElement);
const other = found("account-other", HTMLButtonElement);
const errors = {
  email: found("email-error", HTMLElement),
  password: found("password-error", HTMLElement),
  form: found("account-error", HTMLElement),
};

type Mode = "sign-in" | "sign-up";

const words = {
  "sign-in": { title: "Sign in", other: "Create an account instead", autocomplete: "current-password" },
  "sign-up": { title: "Create account", other: "Sign in instead", autocomplete: "new-password" },
} as const;

let mode: Mode = "sign-in";
let busy = false;

export interface CardEvents {
  readonly watch: Watch;
  readonly say: (words: string, tone?: "bad") => void;
  readonly onSignedIn: (email: string, isNew: boolean) => void;
}

/** Makes the form work that signs in and makes accounts, and the buttons that open it. */
export function prepareCard(events: CardEvents): void {
  for (const [id, wanted] of [
    ["open-sign-in", "sign-in"],
    ["open-sign-up", "sign-up"],
  ] as const)
    found(id, HTMLButtonElement).addEventListener("click", () => {
      show(wanted);
      card.showPopover();
      email.focus();
    });
  other.addEventListener("click", () => {
    show(mode === "sign-in" ? "sign-up" : "sign-in");
    email.focus();
  });
  found("account-close", HTMLButtonElement).addEventListener("click", () => card.hidePopover());
  // A password that was typed and not sent is not left standing.
  card.addEventListener("beforetoggle", ({ newState }) => {
    if (newState === "closed") password.value = "";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(events);
  });
}

function show(wanted: Mode): void {
  mode = wanted;
  title.textContent = words[mode].title;
  submit.textContent = words[mode].title;
  other.textContent = words[mode].other;
  password.autocomplete = words[mode].autocomplete;
  passwordHint.hidden = mode === "sign-in";
  forget();
}

async function send({ watch, say, onSignedIn }: CardEvents): Promise<void> {
  if (busy) return;
  forget();
  const isNew = mode === "sign-up";
  const fault = faultIn(email, password, isNew);
  if (fault !== undefined) {
    complain(fault, say);
    return;
  }
  busy = true;
  submit.ariaDisabled = "true";
  const credentials = { email: email.value, password: password.value };
  const answer = await (isNew ? signUp(credentials, watch) : signIn(credentials, watch));
  busy = false;
  submit.ariaDisabled = "false";
  switch (answer.is) {
    case "unreachable":
      complain({ field: undefined, words: "Nobody answers. Is `npm start` still running?" }, say);
      return;
    case "refused":
      complain(faultOf(answer.problem), say);
      return;
    case "done":
      form.reset();
      card.hidePopover();
      onSignedIn(answer.value ?? credentials.email, isNew);
  }
}

/** Beside the field, and for who does not see it in the page's status. */
function complain({ field, words: said }: Fault, say: CardEvents["say"]): void {
  const place = errors[field ?? "form"];
  place.replaceChildren(element("span", "", said));
  place.hidden = false;
  say(said, "bad");
  if (field === undefined) return;
  const input = field === "email" ? email : password;
  input.ariaInvalid = "true";
  input.focus();
  input.select();
}

function forget(): void {
  for (const place of Object.values(errors)) place.hidden = true;
  for (const input of [email, password]) input.ariaInvalid = "false";
}
