import { equalInConstantTime } from "../base/crypto.ts";
import { readDecimal } from "../base/encoding.ts";
import type { UnixSeconds } from "../base/time.ts";
import { isAccepted, signingKey } from "../keys/ring.ts";
import type { RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import type { SessionKeys } from "../signing/session-keys.ts";
import { isId } from "./search.tsx";

/** What an operator did last, for the page that he comes back to. */
export interface Done {
  readonly act: "ended" | "lifted";
  readonly session: string;
}

/** So long an act is known by its mark; then what this worker knows of the log is as young. */
const lasting = 60;

/** The fields of the address that say what was done. A link that somebody wrote says nothing: see {@link doneIn}. */
export function doneFields({ act, session }: Done, now: UnixSeconds, keys: SessionKeys): Record<string, string> {
  const key = signingKey(keys.values(), now);
  const mark = key === undefined ? "" : `${now}.${key.console.base64url(textOf(act, session, now))}`;
  return { [act]: session, mark };
}

/**
 * What an address says was done, where that is so: by the log, or by the mark that the act itself gave it, since the log is read
 * anew every other second only. Undefined for anything else.
 */
export function doneIn(
  fields: URLSearchParams,
  now: UnixSeconds,
  { keys, snapshot }: { readonly keys: SessionKeys; readonly snapshot: RevocationSnapshot | undefined },
): Done | undefined {
  const act = fields.has("ended") ? "ended" : "lifted";
  const session = fields.get(act) ?? "";
  if (!isId(session)) return undefined;
  const [time = "", mac = ""] = (fields.get("mark") ?? "").split(".");
  const at = readDecimal(time);
  const isMarked = at !== undefined && at <= now && now < at + lasting && isMadeHere(mac, textOf(act, session, at));
  if (isMarked || (act === "ended" && snapshot?.entries.session.has(session) === true)) return { act, session };
  return undefined;

  function isMadeHere(given: string, text: string): boolean {
    return [...keys.values()].some(
      (key) => isAccepted(key, now) && equalInConstantTime(key.console.base64url(text), given),
    );
  }
}

/** No text of a cookie's: that is base64url, without a space. */
function textOf(act: Done["act"], session: string, at: number): string {
  return `done ${act} ${session} ${at}`;
}
