import { between, type UnixSeconds } from "../base/seconds.ts";
import { duration } from "../flows/explain/words.ts";
import type { KeyNow, KeysNow } from "../flows/operator/keys-now.ts";
import type { Trouble } from "./verdict.ts";

/** A key that ends within a week, with nothing to follow it, is somebody's work by day. */
const notice = 7 * 86_400;

/** What is wrong with the keys, or will be soon. */
export function keyTroubles({ keys, longestSession }: KeysNow, now: UnixSeconds): readonly Trouble[] {
  const signs = (purpose: KeyNow["purpose"]) =>
    keys.filter((key) => key.purpose === purpose && key.state === "active" && !key.revoked);
  if (signs("session").length === 0)
    return [
      {
        level: "bad",
        words: "No session key signs: nobody can start a stream.",
        why: "Give the workers a key that is active: npx stagedoor keys new --purpose session, then keys for.",
      },
    ];
  return keys.flatMap((key): Trouble[] => {
    const { kid, purpose, ends, state } = key;
    if (state !== "active" || ends === undefined || purpose === "token") return [];
    const left = between(now, ends);
    // A session that is started now would end with its key.
    const least = purpose === "session" ? Math.max(notice, longestSession) : notice;
    const followed = keys.some((other) => other.purpose === purpose && other.state === "next");
    if (left > least || followed) return [];
    const words = `The ${purpose} key ${kid} ends in ${duration(left)}.`;
    const why = `No other ${purpose} key is to follow it: npx stagedoor keys rotate --purpose ${purpose}.`;
    return [{ level: left < longestSession && purpose === "session" ? "bad" : "look", words, why }];
  });
}
