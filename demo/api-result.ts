import type { Problem } from "./problem.ts";
import type { Outcome, Watch, WatchedRequest } from "./watched-request.ts";

/** The result of a request to the API. */
export type ApiResult<Value> =
  | { readonly kind: "done"; readonly status: number; readonly value: Value }
  | { readonly kind: "refused"; readonly problem: Problem }
  | { readonly kind: "unreachable" };

/** A request in the list of requests. The page's own status requests are not listed. */
export interface ShownRequest {
  readonly watch: Watch;
  readonly request: WatchedRequest;
}

/** Lists a request from now on, and its result once there is one. */
export async function showRequest<Value>(
  shown: ShownRequest | undefined,
  send: () => Promise<ApiResult<Value>>,
): Promise<ApiResult<Value>> {
  const end = shown?.watch(shown.request);
  const result = await send();
  end?.(outcomeOf(result));
  return result;
}

function outcomeOf(result: ApiResult<unknown>): Outcome {
  switch (result.kind) {
    case "done":
      return { verdict: "served", status: result.status };
    case "refused":
      return { verdict: "refused", problem: result.problem };
    case "unreachable":
      return { verdict: "unreachable" };
  }
}
