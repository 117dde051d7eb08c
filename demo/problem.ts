/** What a refusal says: RFC 9457, as far as the page shows it. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** WWW-Authenticate, where the answer has it: it names the scope that is missing. */
  readonly challenge?: string | undefined;
  /** Retry-After, where the answer has it: when to ask again, in milliseconds. */
  readonly againAt?: number | undefined;
  /** What is running, where that is too much. */
  readonly running?: readonly RunningStream[];
}

interface RunningStream {
  readonly asset: string;
  /** Milliseconds. */
  readonly since: number;
}

/** Reads a problem document. Where the body is none, its words say so. */
export function problemOf(status: number, body: string): Problem {
  return problemIn(status, parsed(body));
}

/** The same of a body that was parsed already: a problem document, or the `code` and `message` of the identity worker. */
export function problemIn(status: number, document: { readonly [name: string]: unknown } | undefined): Problem {
  if (document === undefined || typeof document.code !== "string")
    return {
      status,
      code: "no_problem_document",
      title: `Answered ${status}`,
      detail: "The answer says no more than its status.",
    };
  return {
    status,
    code: document.code,
    title: String(document.title ?? document.message ?? ""),
    detail: String(document.detail ?? ""),
    running: Array.isArray(document.running) ? document.running.map(runningStream) : [],
  };
}

/** With what the answer's header fields say of it. */
export function withFields(problem: Problem, headers: Headers): Problem {
  const seconds = headers.get("Retry-After");
  return {
    ...problem,
    challenge: headers.get("WWW-Authenticate") ?? undefined,
    againAt: seconds !== null && /^\d+$/.test(seconds) ? Date.now() + Number(seconds) * 1000 : undefined,
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
