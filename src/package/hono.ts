import type { MiddlewareHandler } from "hono";
import type { z } from "zod";
import { faultsAmong, issuerSchema } from "../auth/issuer.ts";
import { credentialOf } from "../auth/request-credential.ts";
import { trustIssuer } from "../auth/trusted-issuers.ts";
import { sha256Of } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { type Refusal, refusal } from "../base/result.ts";
import { systemClock, systemTimer, unixSeconds } from "../base/time.ts";
import { playScope } from "../catalog/asset.ts";
import { mediaPreflight, withCors } from "../http/cors.ts";
import { problemResponse } from "../http/problem-response.ts";
import { targetOf } from "../signing/media-url.ts";
import { anObject, callback, checkOptions, flag, type MemberRules, required, someText } from "./check-options.ts";
import { type SigningKeys, type VerifiedMediaUrl, verifyMediaUrl } from "./signing.ts";

/** A viewer, as a verified token names them. Times are seconds since 1970-01-01T00:00:00Z. */
export interface Viewer {
  readonly issuer: string;
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
  /** The ids of the assets that the token opens, or `"*"`. */
  readonly assets: ReadonlySet<string> | "*";
  readonly expiresAt: number;
}

export interface BearerOptions {
  /** The trusted issuers, in the form of STAGEDOOR_ISSUERS (docs/reference/configuration.md). */
  readonly issuers: readonly z.input<typeof issuerSchema>[];
  /** The scope that a token must have. The default is the scope of playback; `undefined` as a value accepts any. */
  readonly scope?: string | undefined;
  /** Requests the issuers' keys. The default is the runtime's fetch. */
  readonly fetch?: typeof globalThis.fetch;
  /** The time in seconds since 1970. The default is the machine's clock. */
  readonly now?: () => number;
  /** Receives each refusal with its reason, for the log. It contains no token. */
  readonly onRefusal?: (refusal: { readonly code: string; readonly reason: string }) => void;
}

const bearerRules: MemberRules<BearerOptions> = {
  issuers: required({ allowed: "an array of issuers", accepts: Array.isArray }),
  scope: someText("a scope of OAuth, or undefined for any", /^[\x21\x23-\x5b\x5d-\x7e]+$/),
  fetch: callback,
  now: callback,
  onRefusal: callback,
};

/**
 * Verifies `Authorization: Bearer <token>` (RFC 6750) of a trusted issuer, and sets the variable `viewer`. Other requests get
 * problem details (RFC 9457) with 401, 403 or 503. Tokens that are bound to a key (DPoP) are refused: they need a store for
 * proofs. Throws a TypeError with every fault of the issuers, and for an option that is misspelt or not allowed.
 */
export function bearer(options: BearerOptions): MiddlewareHandler<{ Variables: { viewer: Viewer } }> {
  checkOptions("bearer", options, bearerRules);
  const { onRefusal = () => undefined, fetch = globalThis.fetch } = options;
  const scope = "scope" in options ? options.scope : playScope;
  const now = () => unixSeconds(options.now?.() ?? systemClock());
  const deps = {
    fetch: (input: RequestInfo | URL, init?: RequestInit) => fetch(input, init),
    clock: now,
    timer: systemTimer,
    sha256: (text: string) => encodeBase64url(sha256Of(text)),
    onFailure: onRefusal,
  };
  const issuers = trusted(options.issuers).map((settings) => trustIssuer(settings, deps));
  const sources = {
    issuers,
    clock: now,
    timer: systemTimer,
    site: { apiUrl: undefined, origins: [] },
    identity: undefined,
    proofs: { firstUse: async () => false },
    telemetry: () => undefined,
  };
  return async (context, next) => {
    const { method, url, headers } = context.req.raw;
    const validated = await credentialOf({ method, url, headers, body: undefined }, sources).validate();
    // A challenge for DPoP (RFC 9449 §7.1) would send the client on a way that this middleware never accepts.
    if (!validated.ok && validated.refusal.code === "dpop_proof_invalid") return refused(noProofs, onRefusal);
    if (!validated.ok) return refused(validated.refusal, onRefusal);
    const { issuer, subject, scopes, assets, expiresAt } = validated.value;
    if (scope !== undefined && !scopes.has(scope))
      return refused({ code: "scope_insufficient", reason: "the token lacks the scope", scope }, onRefusal);
    context.set("viewer", { issuer, subject, scopes, assets, expiresAt });
    return next();
  };
}

const noProofs: Refusal = {
  code: "token_invalid",
  reason:
    "the request uses DPoP, which this middleware does not accept: send Authorization: Bearer with a token that is bound to no key",
};

function trusted(given: BearerOptions["issuers"]) {
  const faults: string[] = [];
  const issuers = given.flatMap((one, at) => {
    const parsed = issuerSchema.safeParse(one);
    if (parsed.success) return [parsed.data];
    for (const { path, message } of parsed.error.issues) faults.push(`issuers[${at}].${path.join(".")}: ${message}`);
    return [];
  });
  faults.push(...faultsAmong(issuers));
  if (given.length === 0) faults.push("issuers: name at least one");
  if (faults.length > 0) throw new TypeError(`the issuers are invalid:\n  ${faults.join("\n  ")}`);
  return issuers;
}

export interface ProtectOptions {
  readonly keys: SigningKeys;
  /** The only accepted `iss` of grants. */
  readonly issuer: string;
  /** Whether segments and keys are signed for one session only. */
  readonly session?: boolean;
  readonly now?: () => number;
  /** The client's address behind your proxy. Without it, grants that are bound to a network are refused. */
  readonly address?: (request: Request) => string | undefined;
  /**
   * Whether pages of any origin may read responses, refusals included, and whether preflights are answered. The default is true,
   * without credentials: the URL itself is the credential. With false, mount a CORS middleware of your own in front.
   */
  readonly cors?: boolean;
  readonly onRefusal?: BearerOptions["onRefusal"];
}

const protectRules: MemberRules<ProtectOptions> = {
  keys: required({ ...anObject, allowed: "the result of sessionKeys" }),
  issuer: required(someText()),
  session: flag,
  now: callback,
  address: callback,
  cors: flag,
  onRefusal: callback,
};

/**
 * Verifies the signed URL of each request, and sets the variable `media`, whose `prefix` and `file` name the file to serve.
 * Other requests get problem details (RFC 9457), which tell no more than the edge worker's. Mount it at the root of the media
 * host, for all methods: signatures cover the whole path, and a preflight is OPTIONS. Revocations and stream limits need the
 * service; this middleware knows only expiries.
 */
export function protectMedia(options: ProtectOptions): MiddlewareHandler<{ Variables: { media: VerifiedMediaUrl } }> {
  checkOptions("protectMedia", options, protectRules);
  const { keys, issuer, session = false, now, address, cors = true, onRefusal = () => undefined } = options;
  const refuse = (why: Refusal) => (cors ? withCors(refused(why, onRefusal)) : refused(why, onRefusal));
  return async (context, next) => {
    const { raw } = context.req;
    if (raw.method === "OPTIONS" && cors) return mediaPreflight(raw.headers);
    if (raw.method !== "GET" && raw.method !== "HEAD")
      return refuse(refusal("method_not_covered", "a signed URL is for GET and HEAD").refusal);
    const client = address?.(raw);
    const verified = verifyMediaUrl(keys, targetOf(raw.url), {
      issuer,
      session,
      ...(now !== undefined && { now: now() }),
      ...(client !== undefined && { address: client }),
      userAgent: raw.headers.get("User-Agent") ?? "",
    });
    if (!verified.ok) return refuse(verified.refusal);
    context.set("media", verified.value);
    await next();
    if (cors) {
      const served = withCors(context.res);
      context.res = undefined; // Hono would copy the headers of the first response onto the second.
      context.res = served;
    }
    return undefined;
  };
}

function refused(why: Refusal, report: NonNullable<BearerOptions["onRefusal"]>): Response {
  report({ code: why.code, reason: why.reason });
  return problemResponse(why);
}
