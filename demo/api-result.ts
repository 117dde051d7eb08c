import type { Problem } from "./problem.ts";
import type { Outcome, Watch, WatchedRequest } from "./watched-request.ts";

/** What a request to the API came to. */
export type Answer<Value> =
  | { readonly is: "done"; readonly status: number; readonly value: Value }
  | { readonly is: "refused"; readonly problem: Problem }
  | { readonly is: "unreachable" };

/** A request in the list of requests; one that is not `shown` is the page's own status request. */
export interface Shown {
  readonly watch: Watch;
  readonly request: WatchedRequest;
}

/** Shows `send` in the list of requests, from now until it has an answer. */
export async function showing<Value>(
  shown: Shown | undefined,
  send: () => Promise<Answer<Value>>,
): Promise<Answer<Value>> {
  const end = shown?.watch(shown.request);
  const answer = await send();
  end?.(outcomeOf(answer));
  return answer;
}

function outcomeOf(answer: Answer<unknown>): Outcome {
  switch (answer.is) {
    case "done":
      return { verdict: "served", status: answer.status };
    case "refused":
      return { verdict: "refused", problem: answer.problem };
    case "unreachable":
      return { verdict: "unreachable" };
  }
}
