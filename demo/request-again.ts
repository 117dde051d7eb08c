import { problemOf } from "./problem.ts";
import type { Outcome } from "./watched-request.ts";

/** Sends a GET for a URL of the media host and says how it ended; the body of a file is not waited for. */
export async function askAgain(url: string): Promise<Outcome> {
  let response: Response;
  try {
    response = await fetch(url, { cache: "no-store", referrerPolicy: "no-referrer" });
  } catch {
    return { verdict: "unreachable" };
  }
  const renewedTo = response.redirected ? response.url : undefined;
  if (!response.ok)
    return { verdict: "refused", problem: problemOf(response.status, await response.text()), renewedTo };
  await response.body?.cancel();
  return { verdict: "served", status: response.status, renewedTo };
}
