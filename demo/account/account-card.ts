import { element, elementById } from "../element.ts";
import type { Watch } from "../watched-request.ts";
import { type Fault, faultIn, faultOf } from "./account-faults.ts";
import { signIn, signUp } from "./identity-client.ts";

const card = elementById("account-card", HTMLElement);
const form = elementById("account-form", HTMLFormElement);
const title = elementById("account-title", HTMLElement);
const email = elementById("email", HTMLInputElement);
const password = elementById("password", HTMLInputElement);
const passwordHint = elementById("password-hint", HTMLElement);
const submit = elementById("account-submit", HTMLButtonElement);
const other = elementById("account-other", HTMLButtonElement);
const errors = {
  email: elementById("email-error", HTMLElement),
  password: elementById("password-error", HTMLElement),
  form: elementById("account-error", HTMLElement),
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
  readonly onSignedIn: (email: string, isNew: boolean) => void;
}

/** Prepares the form for signing in and creating accounts, and the buttons that open it. */
export function prepareCard(events: CardEvents): void {
  for (const [id, next] of [
    ["open-sign-in", "sign-in"],
    ["open-sign-up", "sign-up"],
  ] as const)
    elementById(id, HTMLButtonElement).addEventListener("click", () => {
      show(next);
      card.showPopover();
      email.focus();
    });
  other.addEventListener("click", () => {
    show(mode === "sign-in" ? "sign-up" : "sign-in");
    email.focus();
  });
  elementById("account-close", HTMLButtonElement).addEventListener("click", () => card.hidePopover());
  // Clears a password that was typed but not sent.
  card.addEventListener("beforetoggle", ({ newState }) => {
    if (newState === "closed") password.value = "";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(events);
  });
}

function show(next: Mode): void {
  mode = next;
  title.textContent = words[mode].title;
  submit.textContent = words[mode].title;
  other.textContent = words[mode].other;
  password.autocomplete = words[mode].autocomplete;
  clearErrors();
}

async function send({ watch, onSignedIn }: CardEvents): Promise<void> {
  if (busy) return;
  clearErrors();
  const isNew = mode === "sign-up";
  const fault = faultIn(email, password, isNew);
  if (fault !== undefined) {
    showFault(fault);
    return;
  }
  busy = true;
  submit.ariaDisabled = "true";
  const credentials = { email: email.value, password: password.value };
  const result = await (isNew ? signUp(credentials, watch) : signIn(credentials, watch));
  busy = false;
  submit.ariaDisabled = "false";
  switch (result.kind) {
    case "unreachable":
      showFault({ field: undefined, words: "No response. Is `npm start` still running?" });
      return;
    case "refused":
      showFault(faultOf(result.problem));
      return;
    case "done":
      form.reset();
      card.hidePopover();
      onSignedIn(result.value ?? credentials.email, isNew);
  }
}

/** Shows a fault at its field, which gets the focus, or below the fields. */
function showFault({ field, words: text }: Fault): void {
  const place = errors[field ?? "form"];
  place.replaceChildren(element("span", "", text));
  place.hidden = false;
  if (field === "password") passwordHint.hidden = true;
  if (field === undefined) return;
  const input = field === "email" ? email : password;
  input.ariaInvalid = "true";
  input.focus();
  input.select();
}

function clearErrors(): void {
  for (const place of Object.values(errors)) place.hidden = true;
  passwordHint.hidden = mode === "sign-in";
  for (const input of [email, password]) input.ariaInvalid = "false";
}
