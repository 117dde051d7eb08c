import { parseJson } from "../../lib/files.ts";
/** What a host answered, read as far as a check needs it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body's first 64 KiB. */
  readonly text: string;
  /** `code` of a problem document (RFC 9457) as Stagedoor writes it. */
  readonly code: string | undefined;
  /** This machine's clock in the middle of the exchange, in milliseconds, and how long it took. */
  readonly at: number;
  readonly took: number;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Follows redirects, as who wants a file would; else the redirect itself is the answer. */
  readonly follow?: boolean;
}

/** Asks a host; "silent" where it does not answer within the deadline, or not at all. */
export type Ask = (url: string, question?: Question) => Promise<Answer | "silent">;

export const deadlineMs = 5_000;
const mostBytes = 65_536;

/** {@link Ask} by fetch, with a deadline that covers the body as well. */
export function askWith(send: typeof fetch, deadline = deadlineMs): Ask {
  return async (url, { method = "GET", headers = {}, body, follow = false } = {}) => {
    const began = Date.now();
    try {
      const response = await send(url, {
        method,
        headers,
        redirect: follow ? "follow" : "manual",
        signal: AbortSignal.timeout(deadline),
        ...(body === undefined ? {} : { body }),
      });
      const took = Date.now() - began;
      const text = await startOf(response);
      return {
        status: response.status,
        headers: response.headers,
        text,
        code: codeOf(response, text),
        at: began + took / 2,
        took,
      };
    } catch {
      // What fetch throws may quote the URL, which may hold a signature.
      return "silent";
    }
  };
}

/** The first 64 KiB of a body. */
export async function startOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader !== undefined && text.length < mostBytes) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return text;
}

function codeOf({ headers }: Response, text: string): string | undefined {
  if (headers.get("Content-Type")?.startsWith("application/problem+json") !== true) return undefined;
  const code: unknown = Object(parseJson(text)).code;
  return typeof code === "string" ? code : undefined;
}

/** An answer in words: its status, and its code where it has one. */
export function told({ status, code }: Answer): string {
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** What `look` finds for each, four at a time: a catalog may be long, and a host is not to be stormed. */
export async function eachOf<Item, Found>(
  items: readonly Item[],
  look: (item: Item) => Promise<readonly Found[]>,
): Promise<Found[]> {
  const found: Found[][] = [];
  const waiting = items.entries();
  const work = async () => {
    for (const [place, item] of waiting) found[place] = [...(await look(item))];
  };
  await Promise.all([work(), work(), work(), work()]);
  return found.flat();
}
