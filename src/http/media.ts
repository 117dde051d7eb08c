import { type Refusal, refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import { preflight, withCors } from "./cors.ts";
import { type Log, logError, logRefusal } from "./log.ts";
import { problemResponse } from "./problem.ts";

/** A request to the media host that has a method which is answered. */
export interface MediaRequest {
  readonly method: "GET" | "HEAD";
  /** Path and query as they came over the wire. */
  readonly target: string;
  readonly raw: Request;
}

/** What a worker of the media host does with a request. */
export type AnswerMedia = (request: MediaRequest) => Promise<Result<Response, Refusal>>;

/**
 * The outer shell of the edge and the manifest worker: preflights, methods, CORS headers on every answer, one log line a
 * refusal. There is no router here: the path is data that was signed, and nobody but the check may interpret it.
 */
export async function answerMedia(request: Request, worker: string, log: Log, answer: AnswerMedia): Promise<Response> {
  const { method } = request;
  if (method === "OPTIONS") return preflight("GET, HEAD, OPTIONS", "Range, If-None-Match, If-Range");
  if (method !== "GET" && method !== "HEAD")
    return refused(refusal("method_not_covered", "neither GET nor HEAD").refusal);
  try {
    const answered = await answer({ method, target: targetOf(request.url), raw: request });
    return answered.ok ? withCors(answered.value) : refused(answered.refusal);
  } catch (error) {
    logError(log, worker, error);
    return withCors(problemResponse(refusal("internal_error", "an exception").refusal));
  }

  function refused(why: Refusal): Response {
    logRefusal(log, worker, why);
    return withCors(problemResponse(why));
  }
}

/** The request target of an absolute URL, cut out and not parsed: parsing folds dot segments. */
function targetOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  return slash < 0 ? "/" : url.slice(slash);
}
