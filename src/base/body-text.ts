import { ok, type Refusal, type Result, refusal } from "./result.ts";

/**
 * The text of a provider's response (UTF-8), or undefined if it is longer than `limit` bytes. The rest is not read, so
 * a provider that an attacker controls cannot fill a worker's memory.
 */
export async function boundedText({ body }: Pick<Body, "body">, limit: number): Promise<string | undefined> {
  return body === null ? "" : readText(body.getReader(), limit, new TextDecoder());
}

/**
 * The text of a request's body. This is the only place where a worker reads a client's body. `body_invalid`: the client
 * breaks the connection or the framing, the body is longer than `limit` bytes (the rest is not read), or it is not
 * UTF-8 (for example compressed).
 *
 * @example await requestText(new Request(url, { method: "POST", body: "{}" }), 4096); // { ok: true, value: "{}" }
 */
export async function requestText(
  { body }: Pick<Body, "body">,
  limit: number,
): Promise<Result<string, Refusal<"body_invalid">>> {
  if (body === null) return ok("");
  // Outside the try block: reading a body twice is a bug.
  const reader = body.getReader();
  try {
    const text = await readText(reader, limit, new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }));
    return text === undefined ? refusal("body_invalid", `the body is longer than ${limit} bytes`) : ok(text);
  } catch {
    reader.cancel().catch(() => undefined);
    return refusal("body_invalid", "the body broke off, or is not UTF-8");
  }
}

/** Parses a JSON document. `body_invalid` for anything else, such as an empty or truncated body. */
export function readJson(text: string): Result<unknown, Refusal<"body_invalid">> {
  try {
    return ok(JSON.parse(text));
  } catch {
    return refusal("body_invalid", "the body is not JSON");
  }
}

async function readText(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: number,
  decoder: TextDecoder,
): Promise<string | undefined> {
  let text = "";
  let length = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    length += chunk.value.length;
    if (length > limit) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(chunk.value, { stream: true });
  }
  return text + decoder.decode();
}

/** A string, or a structural character of JSON. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * Whether any object in a JSON text names a member twice. `JSON.parse` uses the last one and other parsers the first,
 * so two parties could read different values in one signed text (RFC 7515 §4, RFC 8725 §2.4). Names are compared
 * decoded. `text` must be valid JSON.
 */
export function hasDuplicateMembers(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let last = "";
  for (const [token] of text.matchAll(tokens)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const names = open.at(-1);
      const name: string = JSON.parse(last);
      if (names?.has(name)) return true;
      names?.add(name);
    }
    last = token;
  }
  return false;
}

/**
 * The name of an unknown member, safe to print in a response. Text that is not a plain name, such as a misplaced token,
 * is not repeated.
 */
export function shownMember(name: string): string {
  return /^[\w.$-]{1,64}$/.test(name) ? name : "a member with another name";
}
