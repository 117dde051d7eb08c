import * as z from "zod";
import { makeRoom } from "../base/bounded-map.ts";
import { type QualityCap, qualityCapSchema } from "../base/quality.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, type Clock, earlier, readRfc3339, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import { askJson, type HttpDeps } from "./ask-json.ts";

/** The question to the operator's service: which viewer starts which asset, and from where. */
export interface EntitlementRequest {
  readonly issuer: string;
  readonly subject: string;
  readonly asset: string;
  /** The client's IP address, undefined if unknown. */
  readonly address: string | undefined;
  /** ISO 3166-1 alpha-2, undefined if unknown. */
  readonly country: string | undefined;
}

/** The service's permission. */
export interface Entitled {
  /** The viewer's stream limit. It replaces the limit in their token. */
  readonly streams: number | undefined;
  /** The latest end of the session. */
  readonly until: UnixSeconds | undefined;
  /** The best quality that the viewer gets, if it is capped. */
  readonly quality?: QualityCap | undefined;
}

/**
 * The port to the operator's own decision. It fails closed whatever STAGEDOOR_STORE_FAILURE says: that setting is for
 * stores without which a viewer is still known to be entitled.
 */
export type Entitlement = (request: EntitlementRequest) => Promise<Result<Entitled, EntitlementRefusal>>;

/** `provider_unavailable`: the service gave no valid answer. */
export type EntitlementRefusal = Refusal<"entitlement_refused" | "provider_unavailable">;

const untilSchema = z.string().transform((text, context) => {
  const time = readRfc3339(text);
  if (time !== undefined) return time;
  context.addIssue({ code: "custom", message: "not RFC 3339" });
  return z.NEVER;
});

// Strict, because a misspelt "streams" or "until" would silently grant viewers too much.
const answerSchema = z.discriminatedUnion("allow", [
  z.strictObject({
    allow: z.literal(true),
    streams: z.int().min(1).max(1000).optional(),
    until: untilSchema.optional(),
    quality: qualityCapSchema.optional(),
  }),
  z.strictObject({ allow: z.literal(false), reason: z.string().optional() }),
]);

const form =
  '{"allow": true, "streams"?: 1 to 1000, "until"?: RFC 3339, "quality"?: {"maxHeight"?, "maxBandwidth"?, "excludeVideoRange"?}} or {"allow": false, "reason"?: text}';

/**
 * Reads the JSON of the service's 200. Private values that were sent to the service (`sent`: secret, subject, address)
 * are removed from its reason for a refusal, because the service may quote them and the reason is logged.
 */
export function readEntitlementAnswer(
  document: unknown,
  sent: readonly string[],
): Result<Entitled, EntitlementRefusal> {
  const parsed = answerSchema.safeParse(document);
  if (!parsed.success)
    return refusal("provider_unavailable", `the entitlement service answered something else than ${form}`);
  if (parsed.data.allow) {
    const { streams, until, quality } = parsed.data;
    return ok({ streams, until, ...(quality !== undefined && { quality }) });
  }
  const { reason } = parsed.data;
  const why = reason === undefined ? "" : `: ${harmless(reason, sent)}`;
  return refusal("entitlement_refused", `the entitlement service refused${why}`);
}

const longestReason = 100;

/**
 * Makes foreign text safe for the log: one short line of printable ASCII, without the values that were sent, without
 * e-mail addresses, and without any word long enough to be a token, a signature, a secret or a user id.
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

/** Maximum number of answers per isolate: a few megabytes with subjects of usual length. */
const capacity = 10_000;

interface Kept {
  readonly entitled: Entitled;
  readonly until: UnixSeconds;
}

export interface EntitlementMemory {
  readonly clock: Clock;
  /** How long an answer is kept, counted from the request. 0 keeps none. */
  readonly maxAge: Seconds;
  /** The canonical network of an address; undefined for an invalid address. */
  readonly networkOf: (address: string) => string | undefined;
}

/**
 * Caches the service's permissions for a short time, per viewer, asset, country and network, and never past the `until`
 * of the answer. Refusals are not cached, so that a viewer who has just paid gets in; repeated attempts meet the rate
 * limit of starts first. Failures are not cached either.
 *
 * Requests share values and never a promise: in workerd a request cannot wait for another request's I/O.
 */
export function rememberEntitlement(ask: Entitlement, { clock, maxAge, networkOf }: EntitlementMemory): Entitlement {
  const kept = new Map<string, Kept>();
  return async (request) => {
    const key = keyOf(request, networkOf);
    const now = clock();
    const known = kept.get(key);
    if (known !== undefined && now < known.until) return { ok: true, value: known.entitled };
    kept.delete(key);
    const answer = await ask(request);
    if (!answer.ok || maxAge <= 0) return answer;
    const end = after(now, maxAge);
    const until = answer.value.until === undefined ? end : earlier(end, answer.value.until);
    kept.delete(key); // another request may have stored it meanwhile
    makeRoom(kept, capacity);
    kept.set(key, { entitled: answer.value, until });
    return answer;
  };
}

/** JSON, so that the values have clear boundaries. */
function keyOf(
  { issuer, subject, asset, country, address }: EntitlementRequest,
  networkOf: EntitlementMemory["networkOf"],
): string {
  const network = address === undefined ? undefined : networkOf(address);
  return JSON.stringify([issuer, subject, asset, country ?? "", network ?? ""]);
}

export interface EntitlementService {
  readonly url: string;
  /** Sent as `Authorization: Bearer`, so that the service can authenticate this one. */
  readonly secret: string | undefined;
}

/** A viewer waits for the whole answer, including its body. */
const limits = { within: seconds(2), longest: 4096 };

/**
 * The operator's own HTTP service. It receives a POST with `{issuer, subject, asset, address, country}` as JSON (the
 * last two null if unknown) and answers 200 as {@link readEntitlementAnswer} reads it. Every other response is
 * `provider_unavailable`.
 */
export function httpEntitlement(
  { url, secret }: EntitlementService,
  ports: Pick<HttpDeps, "fetch" | "timer">,
): Entitlement {
  const headers = {
    "Content-Type": "application/json",
    Accept: "application/json",
    ...(secret !== undefined && { Authorization: `Bearer ${secret}` }),
  };
  return async (request) => {
    const answer = await askJson(url, { method: "POST", headers, body: bodyOf(request) }, ports, limits);
    return answer.ok
      ? readEntitlementAnswer(answer.value, sentIn(request, secret))
      : refusal("provider_unavailable", `the entitlement service ${answer.refusal.why}`);
  };
}

function bodyOf({ issuer, subject, asset, address, country }: EntitlementRequest): string {
  return JSON.stringify({ issuer, subject, asset, address: address ?? null, country: country ?? null });
}

/** The private values of a question, which must not appear in the log. */
function sentIn({ subject, address }: EntitlementRequest, secret: string | undefined): readonly string[] {
  return [subject, address, secret].filter((part) => part !== undefined);
}
