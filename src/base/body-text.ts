import { ok, type Refusal, type Result, refusal } from "./result.ts";
import type { Deadline } from "./time.ts";

/**
 * The bytes of a whole body; "too_large" for more than `limit`, and "late" after the deadline. Rejects if the
 * connection breaks. What is left is not read, so a sender that an attacker controls cannot fill a worker's memory.
 */
export async function readBytes(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  limit: number,
  deadline?: Deadline,
): Promise<Uint8Array<ArrayBuffer> | "too_large" | "late"> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    while (true) {
      const reading = reader.read();
      const chunk = await (deadline === undefined ? reading : deadline.before(reading));
      if (chunk === "late") return "late";
      if (chunk.done) return joined(chunks, length);
      length += chunk.value.length;
      if (length > limit) return "too_large";
      chunks.push(chunk.value);
    }
  } finally {
    // Not awaited: a stalled body may never confirm it.
    reader.cancel().catch(() => undefined);
  }
}

function joined(chunks: readonly Uint8Array<ArrayBuffer>[], length: number): Uint8Array<ArrayBuffer> {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/**
 * The text of a request's body. This is the only place where a worker reads a client's body. `body_invalid`: the client
 * breaks the connection or the framing, the body is longer than `limit` bytes, or it is not UTF-8 (for example
 * compressed).
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
    const bytes = await readBytes(reader, limit);
    return typeof bytes === "string"
      ? refusal("body_invalid", `the body is longer than ${limit} bytes`, `the body: Use at most ${limit} bytes.`)
      : ok(strictUtf8.decode(bytes));
  } catch {
    return refusal(
      "body_invalid",
      "the body broke off, or is not UTF-8",
      "the body: Send it whole, in UTF-8 and without Content-Encoding.",
    );
  }
}

/** A provider's JSON document (RFC 8259, so UTF-8); undefined for anything else. */
export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(bytes));
  } catch {
    return undefined;
  }
}

/** {@link readJson} for the bodies of our own routes. `body_invalid` too if a member is named twice. */
export function readUniqueJson(text: string): Result<unknown, Refusal<"body_invalid">> {
  const document = readJson(text);
  return document.ok && hasDuplicateMembers(text)
    ? refusal("body_invalid", "the body has a duplicate member", "the body: Name each member once.")
    : document;
}

/** Parses a JSON document. `body_invalid` for anything else, such as an empty or truncated body. */
export function readJson(text: string): Result<unknown, Refusal<"body_invalid">> {
  try {
    return ok(JSON.parse(text));
  } catch {
    return text.trim() === ""
      ? refusal("body_invalid", "the body is empty", "the body: Send JSON. It is empty.")
      : refusal(
          "body_invalid",
          "the body is not JSON",
          `the body: Send JSON${isForm(text) ? ", not a form" : ", with names and strings in double quotes"}.`,
        );
  }
}

/** Whether a text has the form of HTML's forms, which curl and fetch send by default: `asset=film&takeover=true`. */
function isForm(text: string): boolean {
  return /^[\w.-]+=/.test(text);
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
