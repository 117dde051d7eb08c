import { jsonOf, readBytes } from "../base/body-text.ts";
import type { TextHash } from "../base/crypto.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";
import { type Clock, type Seconds, startDeadline, type Timer } from "../base/time.ts";

/** The dependencies for HTTP requests to providers. */
export interface HttpDeps {
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly sha256: TextHash;
  /** Reports a provider failure that did not cause a refusal, such as a JWK Set that could not be refreshed. */
  readonly onFailure: (refusal: Refusal) => void;
}

/** The reason for a missing answer, in words for the log, and the provider's status if there was one. */
export interface NoAnswer {
  readonly why: string;
  readonly status: number | undefined;
}

const empty = new Uint8Array(0);

/**
 * Requests JSON from a provider within a time limit. Only a 200 with JSON of at most `longest` bytes is an answer.
 * Redirects are not followed: they would carry a token or a client secret to an address that is not configured.
 */
export async function askJson(
  url: string,
  init: RequestInit,
  { fetch, timer }: Pick<HttpDeps, "fetch" | "timer">,
  { within, longest }: { readonly within: Seconds; readonly longest: number },
): Promise<Result<unknown, NoAnswer>> {
  const controller = new AbortController();
  const deadline = startDeadline(within, timer);
  let status: number | undefined;
  const noAnswer = (why: string) => refuse({ why, status });
  try {
    const response = await deadline.before(fetch(url, { ...init, redirect: "manual", signal: controller.signal }));
    if (response === "late") return noAnswer(`did not answer within ${within} s`);
    status = response.status;
    if (status !== 200) return noAnswer(`answered ${status}`);
    const bytes = response.body === null ? empty : await readBytes(response.body.getReader(), longest, deadline);
    if (bytes === "late") return noAnswer(`did not answer within ${within} s`);
    if (bytes === "too_large") return noAnswer(`answered more than ${longest} bytes`);
    const document = jsonOf(bytes);
    return document === undefined ? noAnswer("did not answer with JSON") : ok(document);
  } catch {
    // The error of fetch may quote the URL, which may contain a secret.
    return noAnswer("cannot be reached, or broke the connection off");
  } finally {
    deadline.end();
    controller.abort();
  }
}
