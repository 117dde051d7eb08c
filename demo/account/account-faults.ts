import type { Problem } from "../problem.ts";
import { retryText } from "../verdict.ts";

/** What is wrong, and beside which field of the form it is said; beside none where it is about neither. */
export interface Fault {
  readonly field: "email" | "password" | undefined;
  readonly words: string;
}

/** The identity worker asks for no less. */
const shortestPassword = 8;

const wrongAddress: Fault = { field: "email", words: "Write an e-mail address, such as ann@example.com." };
const shortPassword: Fault = {
  field: "password",
  words: `Take a password of at least ${shortestPassword} characters.`,
};

const faults: Readonly<Record<string, Fault | undefined>> = {
  INVALID_EMAIL: wrongAddress,
  VALIDATION_ERROR: wrongAddress,
  INVALID_EMAIL_OR_PASSWORD: { field: "password", words: "No account has this address and this password." },
  PASSWORD_TOO_SHORT: shortPassword,
  PASSWORD_TOO_LONG: { field: "password", words: "Take a shorter password." },
  USER_ALREADY_EXISTS: { field: "email", words: "This address has an account. Sign in to it instead." },
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: {
    field: "email",
    words: "This address has an account. Sign in to it instead.",
  },
};

/** What can be said before anything is sent. */
export function faultIn(email: HTMLInputElement, password: HTMLInputElement, isNew: boolean): Fault | undefined {
  if (!email.validity.valid || email.value === "") return wrongAddress;
  if (isNew && password.value.length < shortestPassword) return shortPassword;
  return password.value === "" ? { field: "password", words: "Write your password." } : undefined;
}

/** What a refusal of the identity worker, or of the API before it, means for who fills the form in. */
export function faultOf(problem: Problem): Fault {
  const known = faults[problem.code];
  if (known !== undefined) return known;
  return { field: undefined, words: `${problem.title} (${problem.status} ${problem.code}). ${retryText(problem)}` };
}
