/** What an operation came to: its value, or the reason why it was refused. Exceptions are kept for bugs. */
export type Result<Value, Reason> = { readonly ok: true; readonly value: Value } | Refused<Reason>;

/** The refused half of a {@link Result}, which fits a result of any value. */
export type Refused<Reason> = { readonly ok: false; readonly refusal: Reason };

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function refuse<Reason>(refusal: Reason): Refused<Reason> {
  return { ok: false, refusal };
}
