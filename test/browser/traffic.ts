import type { BrowserContext } from "playwright-core";

/** All network requests of a browser context, and the status of each response. */
export interface Traffic {
  readonly responses: { readonly url: string; readonly status: number }[];
  /** Requests without a response, except those that the page aborted. */
  readonly failures: string[];
  readonly urls: string[];
}

export function recordTraffic(context: BrowserContext): Traffic {
  const traffic: Traffic = { responses: [], failures: [], urls: [] };
  context.on("request", (request) => traffic.urls.push(request.url()));
  context.on("response", (response) => traffic.responses.push({ url: response.url(), status: response.status() }));
  context.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    if (reason !== "net::ERR_ABORTED") traffic.failures.push(reason);
  });
  return traffic;
}

export function refusals({ responses }: Traffic): number[] {
  return responses.map(({ status }) => status).filter((status) => status >= 400);
}

export function redirects({ responses }: Traffic): number {
  return responses.filter(({ status }) => status === 307).length;
}

/** The hosts of all requests. `blob:` and `data:` URLs never leave the browser. */
export function hosts({ urls }: Traffic): string[] {
  const origins = urls.filter((url) => url.startsWith("http")).map((url) => new URL(url).origin);
  return [...new Set(origins)].sort();
}
