import { boundedText } from "../base/body-text.ts";
import type { TextHash } from "../base/crypto.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";
import type { Clock, Seconds, Timer } from "../base/time.ts";

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
  const late = new AbortController();
  const stop = timer(within, () => late.abort());
  let status: number | undefined;
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal: late.signal });
    status = response.status;
    if (status !== 200) {
      await response.body?.cancel();
      return refuse({ why: `answered ${status}`, status });
    }
    const text = await boundedText(response, longest);
    return text === undefined ? refuse({ why: `answered more than ${longest} bytes`, status }) : ok(JSON.parse(text));
  } catch (error) {
    if (late.signal.aborted) return refuse({ why: "did not answer in time", status });
    return refuse({ why: error instanceof SyntaxError ? "did not answer with JSON" : "could not be reached", status });
  } finally {
    stop();
  }
}
