import type { RefusalCode } from "../base/refusal.ts";
import { duration } from "../flows/explain/words.ts";
import { faceOf } from "../http/faces.ts";

const anew = "npx stagedoor operator new --name <you> --ring keys.json --out <you>.jwt";

/** What a person at the console does about a refusal, where an API's client would have to do something else. */
const advice: Partial<Readonly<Record<RefusalCode, string>>> = {
  body_invalid: "The form did not come as the console sends it, or is too long: go back, and paste less.",
  request_invalid: "Delete this site's cookies in the browser, and sign in again.",
  token_missing: "Paste the credential.",
  token_invalid: "Paste the whole of the credential, one line that begins with eyJ, of this very deployment.",
  token_expired: `Have a new one made by who holds the key ring: ${anew}`,
  token_revoked: `Somebody has ended the credential, or a key behind it. Have a new one made by who holds the key ring: ${anew}`,
  scope_insufficient: `Have a credential made with the scope, by who holds the key ring: ${anew} --scope <scope>, once for each that you need. Then sign in with it.`,
  origin_untrusted:
    "Open the console anew in this browser, and press the button there: forms of other pages are not taken.",
  configuration_invalid:
    "Run npx stagedoor doctor: it says what the deployment lacks. Where it is a session key, npx stagedoor keys list shows which there are.",
  revocation_invalid: "Go back to the overview, and choose the session there.",
  revocation_unknown:
    "It was taken back already, or no operator has ended it: what its viewer has ended, or what was taken over or shared, comes back by a new start alone.",
  store_unavailable:
    "A part of this service does not answer. Whether something that you did was done is not known: look in the overview, and do it again if it was not.",
  route_unknown: "The console has no page here. The overview leads to all that there are.",
};

/** What to do about a refusal, for people. `retryAfter` is the answer's field Retry-After, in seconds. */
export function adviceOn(code: RefusalCode, retryAfter: string | null): string {
  if (code === "rate_limited" && retryAfter !== null)
    return `Too many attempts from your network were refused. Try again in ${duration(Number(retryAfter))}.`;
  return advice[code] ?? faceOf(code).detail;
}
