import * as z from "zod";
import { encodeBase64url } from "../base/base64url.ts";
import type { RandomBytes } from "../base/random.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import {
  after,
  type Clock,
  earlier,
  isUnixSeconds,
  rfc3339,
  type Seconds,
  seconds,
  type UnixSeconds,
} from "../base/seconds.ts";
import { type Asset, playScope } from "../catalog/asset.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { readBearerToken } from "../credential/bearer.ts";
import type { Credential } from "../credential/credential.ts";
import { type TrustedIssuer, verifyJwt } from "../credential/verify-jwt.ts";
import { signingKey } from "../keys/ring.ts";
import { decide } from "../policy/decide.ts";
import { mintGrant, subjectHash } from "../signing/grant.ts";
import { signedQuery } from "../signing/media-url.ts";
import type { PreparedSessionKey, SessionKeys } from "../signing/session-keys.ts";

const bodySchema = z.object({ asset: z.string().min(1).max(64) });

/** Nobody needs to read more bytes of a body than these. */
export const longestBody = 4096;

export interface StartContext {
  readonly issuers: readonly TrustedIssuer[];
  readonly catalog: () => Promise<Result<Catalog, Refusal>>;
  readonly keys: SessionKeys;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly settings: {
    /** `iss` of the grants. */
    readonly grantIssuer: string;
    /** Where the media host stands, without a slash at its end. */
    readonly mediaUrl: string;
    readonly manifestTtl: Seconds;
    readonly sessionTtl: Seconds;
  };
}

export interface StartedStream {
  readonly sessionId: string;
  readonly manifestUrl: string;
  /** Both RFC 3339 in UTC. */
  readonly manifestExpiresAt: string;
  readonly sessionExpiresAt: string;
}

/**
 * `POST /stream/start`, the whole story: a bearer token is verified, the policy decides whether it opens the asset, and
 * the answer is a playback session: a grant that nothing is stored for, in a manifest URL that lives for minutes.
 */
export async function startStream(
  request: {
    readonly authorization: string | undefined;
    /** Undefined where it is longer than {@link longestBody}. */
    readonly body: string | undefined;
  },
  context: StartContext,
): Promise<Result<StartedStream, Refusal>> {
  const now = context.clock();
  const token = readBearerToken(request.authorization);
  if (!token.ok) return token;
  const credential = await verifyJwt(token.value, context.issuers, now);
  if (!credential.ok) return credential;
  const id = readBody(request.body);
  if (!id.ok) return id;
  const catalog = await context.catalog();
  if (!catalog.ok) return catalog;
  const asset = decide(credential.value, id.value, catalog.value.asset(id.value), playScope);
  if (!asset.ok) return asset;
  const key = signingKey(context.keys.values(), now);
  if (key === undefined)
    return refusal("configuration_invalid", "no session key is in use now: its window has ended or not begun");
  return ok(openSession(credential.value, asset.value, key, now, context));
}

function openSession(
  credential: Credential,
  asset: Asset,
  key: PreparedSessionKey,
  now: UnixSeconds,
  context: StartContext,
): StartedStream {
  const { grantIssuer, mediaUrl, manifestTtl, sessionTtl } = context.settings;
  const sessionId = encodeBase64url(context.random(16));
  const prefix = `/${asset.id}/`;
  const length = asset.session === undefined ? sessionTtl : seconds(asset.session);
  const end = after(now, length);
  // A grant is worth nothing once its key has ended, so no more is promised than the key can keep.
  const expiresAt = isUnixSeconds(key.exp) ? earlier(end, key.exp) : end;
  const subject = subjectHash(key, credential.issuer, credential.subject);
  const grant = mintGrant({ issuer: grantIssuer, subject, sessionId, prefix, issuedAt: now, expiresAt }, key);
  const manifestExpiry = earlier(after(now, manifestTtl), expiresAt);
  const path = `${prefix}${asset.entry}`;
  const query = signedQuery(key.url.playlist, "playlist", { path, query: "", expiry: manifestExpiry, grant });
  return {
    sessionId,
    manifestUrl: `${mediaUrl}/${grant}${path}?${query}`,
    manifestExpiresAt: rfc3339(manifestExpiry),
    sessionExpiresAt: rfc3339(expiresAt),
  };
}

function readBody(text: string | undefined): Result<string, Refusal> {
  if (text === undefined) return refusal("body_invalid", `the body is longer than ${longestBody} bytes`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return refusal("body_invalid", "the body is not JSON");
  }
  const parsed = bodySchema.safeParse(document);
  return parsed.success
    ? ok(parsed.data.asset)
    : refusal("body_invalid", 'the body is not of the form {"asset": "<id>"}');
}
