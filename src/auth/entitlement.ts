import * as z from "zod";
import { makeRoom } from "../base/bounded-map.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import {
  after,
  type Clock,
  type Deadline,
  earlier,
  readRfc3339,
  type Seconds,
  seconds,
  startDeadline,
  type Timer,
  type UnixSeconds,
} from "../base/time.ts";

/** Who wants to play what, and from where, as the operator's service is asked. */
export interface EntitlementAsked {
  readonly issuer: string;
  readonly subject: string;
  readonly asset: string;
  /** The client's IP address, undefined where it is not known. */
  readonly address: string | undefined;
  /** ISO 3166-1 alpha-2, undefined where it is not known. */
  readonly country: string | undefined;
}

/** What the service allows. */
export interface Entitled {
  /** How many streams the viewer may run at once, in place of what his token says. */
  readonly streams: number | undefined;
  /** When the session ends at the latest. */
  readonly until: UnixSeconds | undefined;
}

/**
 * The port to the operator's own decision. `entitlement_refused`, and `store_unavailable` where the service gives no answer
 * that is understood: it fails closed whatever STAGEDOOR_STORE_FAILURE says. That is for our own stores, without which a
 * viewer is still known to be entitled; without this answer nobody knows it.
 */
export type Entitlement = (asked: EntitlementAsked) => Promise<Result<Entitled, Refusal>>;

const untilSchema = z.string().transform((text, context) => {
  const time = readRfc3339(text);
  if (time !== undefined) return time;
  context.addIssue({ code: "custom", message: "not RFC 3339" });
  return z.NEVER;
});

// Strict: of a misspelt "streams" or "until" nothing would be seen but viewers who may more than they should.
const answerSchema = z.discriminatedUnion("allow", [
  z.strictObject({
    allow: z.literal(true),
    streams: z.int().min(1).max(1000).optional(),
    until: untilSchema.optional(),
  }),
  z.strictObject({ allow: z.literal(false), reason: z.string().optional() }),
]);

const form = '{"allow": true, "streams"?: 1 to 1000, "until"?: RFC 3339} or {"allow": false, "reason"?: text}';

/**
 * What the operator's service answered, from the body of its 200. `entitlement_refused`, with its reason for the log where it
 * gave one; `store_unavailable` for whatever is not exactly one of the two forms, since half an answer is none.
 * What the service was sent and nobody may read in the log (`sent`: its secret, the subject, the address) never gets into
 * that reason, though it may quote it.
 */
export function readEntitlementAnswer(text: string, sent: readonly string[]): Result<Entitled, Refusal> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return refusal("store_unavailable", "the entitlement service did not answer with JSON");
  }
  const parsed = answerSchema.safeParse(document);
  if (!parsed.success)
    return refusal("store_unavailable", `the entitlement service answered something else than ${form}`);
  if (parsed.data.allow) return ok({ streams: parsed.data.streams, until: parsed.data.until });
  const { reason } = parsed.data;
  const why = reason === undefined ? "" : `: ${harmless(reason, sent)}`;
  return refusal("entitlement_refused", `the entitlement service refused${why}`);
}

const longestReason = 100;

/**
 * A text of somebody else's, fit for the log: one line of printable ASCII that is soon over, without what was sent, without
 * e-mail addresses, and with nothing in it that is long enough to be a token, a signature, a secret or a user's id.
 */
function harmless(text: string, sent: readonly string[]): string {
  const longestFirst = sent.filter((part) => part !== "").toSorted((a, b) => b.length - a.length);
  const open = longestFirst.reduce((left, part) => left.replace(inAnyCase(part), "..."), text);
  const printable = open.replace(/[^\x20-\x7e]+/g, " ").replace(/[^ ]*@[^ ]*|[^ ]{20,}/g, "...");
  return printable.length > longestReason ? `${printable.slice(0, longestReason)}...` : printable;
}

function inAnyCase(part: string): RegExp {
  return new RegExp(part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "giu");
}

/** How many answers an isolate keeps: a few megabytes, with subjects of a usual length. */
const capacity = 10_000;

interface Kept {
  readonly entitled: Entitled;
  readonly until: UnixSeconds;
}

export interface EntitlementMemory {
  readonly clock: Clock;
  /** How long an answer is kept, counted from the question; 0 keeps none. */
  readonly maxAge: Seconds;
  /** The one spelling of the network that an address is in; undefined for what is no address. */
  readonly networkOf: (address: string) => string | undefined;
}

/**
 * An entitlement service whose answers are kept for a short time: what it allowed the same viewer, for the same asset, in
 * the same country and network, and never past the `until` of that answer. What it refused is asked for anew each time: who
 * has just bought must get in, and who hammers meets the rate limit of starts before. So is what failed.
 *
 * Requests share values and never a promise: workerd lets no request wait for what another one is asking.
 */
export function rememberEntitlement(ask: Entitlement, { clock, maxAge, networkOf }: EntitlementMemory): Entitlement {
  const kept = new Map<string, Kept>();
  return async (asked) => {
    const key = keyOf(asked, networkOf);
    const now = clock();
    const known = kept.get(key);
    if (known !== undefined && now < known.until) return { ok: true, value: known.entitled };
    kept.delete(key);
    const answer = await ask(asked);
    if (!answer.ok || maxAge <= 0) return answer;
    const end = after(now, maxAge);
    const until = answer.value.until === undefined ? end : earlier(end, answer.value.until);
    kept.delete(key); // another request may have put it there meanwhile
    makeRoom(kept, capacity);
    kept.set(key, { entitled: answer.value, until });
    return answer;
  };
}

/** JSON, so that no value runs over into the next. */
function keyOf(
  { issuer, subject, asset, country, address }: EntitlementAsked,
  networkOf: EntitlementMemory["networkOf"],
): string {
  const network = address === undefined ? undefined : networkOf(address);
  return JSON.stringify([issuer, subject, asset, country ?? "", network ?? ""]);
}

export interface EntitlementService {
  readonly url: string;
  /** Sent as `Authorization: Bearer`, so that the service knows who asks. */
  readonly secret: string | undefined;
}

/** The part of fetch that is used here. */
export type EntitlementFetch = (
  url: string,
  init: {
    readonly method: "POST";
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly redirect: "manual";
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

export interface EntitlementPorts {
  readonly fetch: EntitlementFetch;
  readonly timer: Timer;
}

/** How long a viewer waits for the answer, its body among it. */
const serviceTimeout = seconds(2);
/** The longest answer that is read, in bytes. */
const longest = 4096;

/**
 * The operator's own HTTP service. It is sent a POST with `{issuer, subject, asset, address, country}` as JSON, the last two
 * null where they are not known, and answers 200 as {@link readEntitlementAnswer} reads it. Whatever else comes of it, a
 * redirect among it, is `store_unavailable`. Redirects are not followed: they would carry the secret and who watches what to
 * an address that nobody configured.
 */
export function httpEntitlement({ url, secret }: EntitlementService, ports: EntitlementPorts): Entitlement {
  const headers = {
    "Content-Type": "application/json",
    Accept: "application/json",
    ...(secret !== undefined && { Authorization: `Bearer ${secret}` }),
  };
  return async (asked) => {
    const { fetch } = ports; // unbound: workerd's fetch refuses to be called as a method
    const controller = new AbortController();
    const deadline = startDeadline(serviceTimeout, ports.timer);
    try {
      const { signal } = controller;
      const asking = fetch(url, { method: "POST", headers, body: bodyOf(asked), redirect: "manual", signal });
      const text = await answerText(asking, deadline);
      return text.ok ? readEntitlementAnswer(text.value, sentIn(asked, secret)) : text;
    } catch {
      // What fetch throws may quote the address, which may hold a secret of the operator's.
      return refusal("store_unavailable", "the entitlement service cannot be reached, or broke the connection off");
    } finally {
      deadline.end();
      controller.abort();
    }
  };
}

function bodyOf({ issuer, subject, asset, address, country }: EntitlementAsked): string {
  return JSON.stringify({ issuer, subject, asset, address: address ?? null, country: country ?? null });
}

/** What of a question the log must not say. */
function sentIn({ subject, address }: EntitlementAsked, secret: string | undefined): readonly string[] {
  return [subject, address, secret].filter((part) => part !== undefined);
}

const late = refusal("store_unavailable", `the entitlement service did not answer within ${serviceTimeout} s`);

async function answerText(asking: Promise<Response>, deadline: Deadline): Promise<Result<string, Refusal>> {
  const response = await deadline.before(asking);
  if (response === "late") return late;
  if (response.status !== 200)
    return refusal("store_unavailable", `the entitlement service answered ${response.status}`);
  const reader = response.body?.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  let length = 0;
  while (reader !== undefined) {
    const chunk = await deadline.before(reader.read());
    if (chunk === "late") return late;
    if (chunk.done) return ok(text + decoder.decode());
    length += chunk.value.length;
    if (length > longest)
      return refusal("store_unavailable", `the entitlement service answered more than ${longest} bytes`);
    text += decoder.decode(chunk.value, { stream: true });
  }
  return ok(text);
}
