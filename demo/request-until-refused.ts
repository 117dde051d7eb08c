import { requestAgain } from "./request-again.ts";
import type { Watch, WatchedRequest } from "./watched-request.ts";

/** Within two seconds the URLs of an ended session are refused everywhere. Twice that is long enough. */
const attempts = { interval: 500, most: 8 };

/**
 * Requests the player's last URL again until it is refused, since a player with a full buffer would notice the end of
 * its session late. `watch` observes each attempt, and `isCurrent` says whether the result still matters.
 */
export async function requestUntilRefused(
  request: WatchedRequest,
  url: string,
  watch: Watch,
  isCurrent: () => boolean,
): Promise<void> {
  for (let attempt = 0; attempt < attempts.most && isCurrent(); attempt++) {
    const end = watch({ ...request, again: "after sign-out" });
    const outcome = await requestAgain(url);
    end(outcome);
    if (outcome.verdict === "refused") return;
    await new Promise((resolve) => setTimeout(resolve, attempts.interval));
  }
}
