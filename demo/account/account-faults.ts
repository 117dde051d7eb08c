import type { Problem } from "../problem.ts";
import { retryText } from "../verdict.ts";

/** An error message, and the field of the form that it is about, if any. */
export interface Fault {
  readonly field: "email" | "password" | undefined;
  readonly words: string;
}

/** The minimum of the identity worker. */
const shortestPassword = 8;

const wrongAddress: Fault = { field: "email", words: "Enter an e-mail address, such as ann@example.com." };
const shortPassword: Fault = {
  field: "password",
  words: `Choose a password of at least ${shortestPassword} characters.`,
};

const faults: Readonly<Record<string, Fault | undefined>> = {
  INVALID_EMAIL: wrongAddress,
  VALIDATION_ERROR: wrongAddress,
  INVALID_EMAIL_OR_PASSWORD: { field: "password", words: "No account has this address and this password." },
  PASSWORD_TOO_SHORT: shortPassword,
  PASSWORD_TOO_LONG: { field: "password", words: "Choose a shorter password." },
  USER_ALREADY_EXISTS: { field: "email", words: "This address already has an account. Sign in instead." },
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: {
    field: "email",
    words: "This address already has an account. Sign in instead.",
  },
};

/** A fault that is visible before anything is sent. */
export function faultIn(email: HTMLInputElement, password: HTMLInputElement, isNew: boolean): Fault | undefined {
  if (!email.validity.valid || email.value === "") return wrongAddress;
  if (isNew && password.value.length < shortestPassword) return shortPassword;
  return password.value === "" ? { field: "password", words: "Enter your password." } : undefined;
}

/** The message for a refusal of the identity worker or the API. */
export function faultOf(problem: Problem): Fault {
  const known = faults[problem.code];
  if (known !== undefined) return known;
  return { field: undefined, words: `${problem.title} (${problem.status} ${problem.code}). ${retryText(problem)}` };
}
