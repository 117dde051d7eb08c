/** What a request presents: read, and not yet believed. */
export type Presented =
  /** RFC 6750 §2.1. `jws` where it has the form of a JWT; every other token is opaque. */
  | { readonly is: "bearer"; readonly token: string; readonly form: "jws" | "opaque" }
  /** RFC 9449 §7.1: a token that is bound to a key, and the proof that the sender holds it. */
  | { readonly is: "dpop"; readonly token: string; readonly form: "jws" | "opaque"; readonly proof: string }
  /** The session cookie that the browser adds by itself: its whole `name=value`. */
  | { readonly is: "cookie"; readonly cookie: string };
