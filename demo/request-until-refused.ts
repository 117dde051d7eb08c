import { askAgain } from "./ask-again.ts";
import type { Watch, WatchedRequest } from "./watched-request.ts";

/** Within two seconds a session that was ended is refused everywhere; twice that is long enough to look. */
const looks = { every: 500, most: 8 };

/**
 * Asks the media host again for what the player has asked for, until it refuses: a player with a full buffer would notice
 * late that its session has ended. `watch` observes each attempt, and `isOn` says whether it still matters.
 */
export async function askUntilRefused(
  request: WatchedRequest,
  url: string,
  watch: Watch,
  isOn: () => boolean,
): Promise<void> {
  for (let look = 0; look < looks.most && isOn(); look++) {
    const end = watch({ ...request, again: "after sign-out" });
    const outcome = await askAgain(url);
    end(outcome);
    if (outcome.verdict === "refused") return;
    await new Promise((resolve) => setTimeout(resolve, looks.every));
  }
}
