/** What a command came to. The process ends with `exit`: 0 good, 1 refused or failed, 2 misused. */
export type Outcome = Answered | Misused;

export interface Answered {
  readonly exit: 0 | 1;
  /** For people, on standard output. */
  readonly text: string;
  /** For programs, on standard output in place of the text where `--json` is given. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What to do or to know beside the result, on standard error, so that the result can be piped. */
  readonly note?: string | undefined;
}

export interface Misused {
  readonly exit: 2;
  /** What was wrong, and what to write in its place. */
  readonly message: string;
}

/** What the process prints of an outcome; "" is not printed. */
export function printed(outcome: Outcome, asJson: boolean): { readonly stdout: string; readonly stderr: string } {
  if (outcome.exit === 2) return { stdout: "", stderr: outcome.message };
  return { stdout: asJson ? JSON.stringify(outcome.json, null, 2) : outcome.text, stderr: outcome.note ?? "" };
}

export function good(text: string, json: Answered["json"], note?: string): Answered {
  return { exit: 0, text, json, note };
}

/** A failure without a result: the message says what to do. */
export function failed(message: string, more: Answered["json"] = {}): Answered {
  return { exit: 1, text: "", json: { error: message, ...more }, note: message };
}

export function misused(message: string): Misused {
  return { exit: 2, message };
}

/** Thrown by what reads arguments and files; the command ends with this outcome. */
export class Ended extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome.exit === 2 ? outcome.message : "the command failed");
    this.outcome = outcome;
  }
}

export function endMisused(message: string): never {
  throw new Ended(misused(message));
}

export function endFailed(message: string): never {
  throw new Ended(failed(message));
}
