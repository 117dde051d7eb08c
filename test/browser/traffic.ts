import type { BrowserContext } from "playwright-core";

/** All that a browser context asked for over the network, and how it was answered. */
export interface Traffic {
  readonly answers: { readonly url: string; readonly status: number }[];
  /** Requests that got no answer for another reason than that the page took them back. */
  readonly failures: string[];
  readonly urls: string[];
}

export function recordTraffic(context: BrowserContext): Traffic {
  const traffic: Traffic = { answers: [], failures: [], urls: [] };
  context.on("request", (request) => traffic.urls.push(request.url()));
  context.on("response", (response) => traffic.answers.push({ url: response.url(), status: response.status() }));
  context.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    if (why !== "net::ERR_ABORTED") traffic.failures.push(why);
  });
  return traffic;
}

export function refusals({ answers }: Traffic): number[] {
  return answers.map(({ status }) => status).filter((status) => status >= 400);
}

export function redirects({ answers }: Traffic): number {
  return answers.filter(({ status }) => status === 307).length;
}

/** The hosts that were asked for anything. `blob:` and `data:` never leave the browser. */
export function hosts({ urls }: Traffic): string[] {
  const asked = urls.filter((url) => url.startsWith("http")).map((url) => new URL(url).origin);
  return [...new Set(asked)].sort();
}
