/** Why a request was refused. */
export interface Refusal {
  readonly code: string;
  /** An operator finds the cause with it. */
  readonly requestId?: string;
}

/** Reads a refusal from response headers, in whichever form the player has them: `header` returns one by its name. */
export function readRefusal(header: (name: string) => string | null | undefined): Refusal | undefined {
  const code = header("Stagedoor-Refusal");
  return code ? { code, requestId: header("Request-Id") ?? "" } : undefined;
}

/** What to tell the viewer, and the button to offer. */
export interface Advice {
  readonly text: string;
  readonly offer?: "Sign in" | "Play here instead" | "Play again";
}

const signIn = { text: "Sign in to watch.", offer: "Sign in" } as const;
const notIncluded = { text: "Your account does not include this film." } as const;
const notAvailable = { text: "This film is not available." } as const;
const again = { text: "Playback was interrupted.", offer: "Play again" } as const;
const busy = { text: "Too many starts. Wait a minute.", offer: "Play again" } as const;
const outage = { text: "The film cannot be loaded at the moment.", offer: "Play again" } as const;
const ours = { text: "Playback failed. Report the code to us." } as const;

const advice: Readonly<Record<string, Advice | undefined>> = {
  // POST /stream/start and …/renew
  token_missing: signIn,
  token_invalid: signIn,
  token_expired: { text: "Your sign-in has expired. Sign in again.", offer: "Sign in" },
  token_revoked: { text: "You were signed out. Sign in again.", offer: "Sign in" },
  sign_in_required: { text: "Your sign-in has expired. Sign in again.", offer: "Sign in" },
  dpop_proof_invalid: signIn,
  scope_insufficient: notIncluded,
  asset_forbidden: notIncluded,
  entitlement_refused: notIncluded,
  asset_not_yet_available: { text: "This film is not available yet." },
  asset_no_longer_available: { text: "This film is no longer available." },
  asset_revoked: { text: "This film is no longer available." },
  asset_unknown: notAvailable,
  country_forbidden: { text: "This film is not available in your country." },
  place_forbidden: { text: "This film is not available in your region." },
  place_not_allowed: { text: "This film is not available in your region." },
  origin_forbidden: { text: "This film cannot be played on this site." },
  player_refused: { text: "This film cannot be played in this player." },
  quality_unavailable: { text: "Your plan does not include a quality of this film." },
  stream_limit: { text: "You watch on as many devices as your plan allows.", offer: "Play here instead" },
  start_rate_exceeded: busy,
  rate_limited: busy,
  provider_unavailable: outage,
  session_unknown: again,
  session_forbidden: again,

  // Playlists, segments, keys
  stream_taken: { text: "Playback moved to another device.", offer: "Play here instead" },
  session_revoked: { text: "This stream was ended.", offer: "Play again" },
  session_shared: { text: "This stream was used in too many networks.", offer: "Play again" },
  grant_expired: again,
  signature_expired: again,
  signature_not_yet_valid: again,
  binding_mismatch: again,
  address_not_covered: again,
  key_unknown: again,

  // The player tries these again by itself.
  store_unavailable: outage,
  origin_failed: outage,
  origin_slow: outage,
  object_unknown: notAvailable,
  internal_error: outage,
};

/** Whether the player should go on: a server did not respond, or has one file less than the playlist names. */
export function mayRetry({ code }: Refusal): boolean {
  return ["store_unavailable", "origin_failed", "origin_slow", "object_unknown", "internal_error"].includes(code);
}

/** What to tell the viewer. Without a refusal the network or the browser is the cause. All other codes are faults of ours. */
export function adviceFor(refusal: Refusal | undefined): Advice {
  if (refusal === undefined) return { text: "Playback failed. Check your connection.", offer: "Play again" };
  return advice[refusal.code] ?? ours;
}
