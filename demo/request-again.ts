import { problemOf } from "./problem.ts";
import type { Outcome } from "./watched-request.ts";

/** Sends a GET request to the media host and returns the result, without the body of a file. */
export async function requestAgain(url: string): Promise<Outcome> {
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
