import { readDecimal } from "../base/encoding.ts";
import type { UnixSeconds } from "../base/time.ts";
import { signingKey } from "../keys/ring.ts";
import type { RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import type { SessionKeys } from "../signing/session-keys.ts";
import { consoleKeyOf } from "./console-sign-in.ts";
import { isId } from "./search.tsx";

/** An operator's last action, which the overview confirms. */
export interface LastAction {
  readonly act: "ended" | "lifted";
  readonly session: string;
}

/** Seconds. After that, the worker's revocations are fresh enough to confirm the action. */
const markTtl = 60;

/** The URL parameters that report an action: `ended=<session>&mark=<time>.<MAC>`. */
export function lastActionParams(
  { act, session }: LastAction,
  now: UnixSeconds,
  keys: SessionKeys,
): Record<string, string> {
  const key = signingKey(keys.values(), now);
  const mark = key === undefined ? "" : `${now}.${key.console.base64url(textOf(act, session, now))}`;
  return { [act]: session, mark };
}

/**
 * The action that a URL reports, if it is confirmed by the revocation log or by a fresh, authentic mark. The mark is
 * needed because the log is read every other second only. Otherwise anybody could write a link that claims an action.
 */
export function readLastAction(
  fields: URLSearchParams,
  now: UnixSeconds,
  { keys, snapshot }: { readonly keys: SessionKeys; readonly snapshot: RevocationSnapshot | undefined },
): LastAction | undefined {
  const act = fields.has("ended") ? "ended" : "lifted";
  const session = fields.get(act) ?? "";
  if (!isId(session)) return undefined;
  const [time = "", mac = ""] = (fields.get("mark") ?? "").split(".");
  const at = readDecimal(time);
  const isCurrent = at !== undefined && at <= now && now < at + markTtl;
  const isMarked = isCurrent && consoleKeyOf(textOf(act, session, at), mac, now, keys) !== undefined;
  if (isMarked || (act === "ended" && snapshot?.entries.session.has(session) === true)) return { act, session };
  return undefined;
}

/** Never the text of a cookie, which is signed with the same key: base64url has no spaces. */
function textOf(act: LastAction["act"], session: string, at: number): string {
  return `done ${act} ${session} ${at}`;
}
