import { refusal } from "../base/refusal.ts";
import type { RevocationCause } from "../sessions/revocation.ts";

/** The refusal for a session that was ended before its time. */
export function endedBecause(cause: RevocationCause) {
  switch (cause) {
    case "revoked":
      return refusal("session_revoked", "the session, its viewer, login, asset, token or key was revoked");
    case "taken":
      return refusal("stream_taken", "another device took the session's place");
    case "shared":
      return refusal("session_shared", "the session was alive in more networks at once than one viewer is in");
  }
}
