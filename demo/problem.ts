/** The members of a problem document (RFC 9457) that the page shows. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** WWW-Authenticate, if present: it names a missing scope. */
  readonly challenge?: string | undefined;
  /** Retry-After, if present, as a time in milliseconds. */
  readonly retryAt?: number | undefined;
  /** The running streams, for `stream_limit`. */
  readonly running?: readonly RunningStream[];
}

interface RunningStream {
  readonly asset: string;
  /** In milliseconds. */
  readonly since: number;
}

/** Reads a problem document, or describes a body that is none. */
export function problemOf(status: number, body: string): Problem {
  return problemIn(status, parsed(body));
}

/** The same for a parsed body: a problem document, or the `code` and `message` of the identity worker. */
export function problemIn(status: number, document: { readonly [name: string]: unknown } | undefined): Problem {
  if (document === undefined || typeof document.code !== "string")
    return {
      status,
      code: "no_problem_document",
      title: `Status ${status}`,
      detail: "The response has no problem document.",
    };
  return {
    status,
    code: document.code,
    title: String(document.title ?? document.message ?? ""),
    detail: String(document.detail ?? ""),
    running: Array.isArray(document.running) ? document.running.map(runningStream) : [],
  };
}

/** Adds the challenge and the retry time of the response headers. */
export function withHeaders(problem: Problem, headers: Headers): Problem {
  const seconds = headers.get("Retry-After");
  return {
    ...problem,
    challenge: headers.get("WWW-Authenticate") ?? undefined,
    retryAt: seconds !== null && /^\d+$/.test(seconds) ? Date.now() + Number(seconds) * 1000 : undefined,
  };
}

function runningStream(stream: unknown): RunningStream {
  const { asset, startedAt } = Object(stream);
  return { asset: String(asset), since: Date.parse(startedAt) };
}

function parsed(text: string): { readonly [name: string]: unknown } | undefined {
  try {
    return Object(JSON.parse(text));
  } catch {
    return undefined;
  }
}
