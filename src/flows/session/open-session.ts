import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result, refuse } from "../../base/result.ts";
import { after, earlier, isUnixSeconds, rfc3339, type UnixSeconds } from "../../base/seconds.ts";
import type { Asset } from "../../catalog/asset.ts";
import type { Credential } from "../../credential/credential.ts";
import { signingKey } from "../../keys/ring.ts";
import { isKeyRevoked, type RevocationSnapshot } from "../../sessions/revocation-snapshot.ts";
import { mintGrant, subjectHash, tokenHash } from "../../signing/grant.ts";
import { signedQuery } from "../../signing/media-url.ts";
import type { PreparedSessionKey } from "../../signing/session-keys.ts";
import { bindTo } from "../bind.ts";
import type { Client } from "../client.ts";
import { endedBecause } from "../ended-because.ts";
import type { SessionContext } from "./context.ts";
import { fromStore } from "./store-failure.ts";

/** The answer of a start and of a renewal. */
export interface OpenedSession {
  readonly sessionId: string;
  readonly manifestUrl: string;
  /** Both RFC 3339 in UTC. */
  readonly manifestExpiresAt: string;
  readonly sessionExpiresAt: string;
  /** For the routes below `/stream/{id}`, in the header CTA-Common-Access-Token. It stands in the manifest URL too. */
  readonly grant: string;
}

export interface Opening {
  readonly sessionId: string;
  readonly credential: Credential;
  readonly asset: Asset;
  readonly client: Client;
  readonly takeover: boolean;
  /** What is forbidden now. */
  readonly snapshot: RevocationSnapshot;
}

/**
 * Opens a playback session, or one that is open for longer: claims a lease among the viewer's streams, mints the grant and
 * signs the manifest URL. `stream_limit`, `address_unknown`, `store_unavailable`; for a session that was ended, why.
 */
export async function openSession(
  opening: Opening,
  now: UnixSeconds,
  context: SessionContext,
): Promise<Result<OpenedSession, Refusal>> {
  const { credential, asset, sessionId } = opening;
  const usable = [...context.keys.values()].filter(({ kid }) => !isKeyRevoked(opening.snapshot, kid));
  const key = signingKey(usable, now);
  if (key === undefined)
    return refusal("configuration_invalid", "no session key is in use now: its window has not begun, or it was ended");
  const binding = bindTo(asset, opening.client);
  if (!binding.ok) return binding;
  const end = after(now, asset.session ?? context.settings.sessionTtl);
  // A grant is worth nothing once its key has ended, so no more is promised than the key can keep.
  const expiresAt = isUnixSeconds(key.exp) ? earlier(end, key.exp) : end;
  const claimed = await claimLease(opening, key, now, expiresAt, context);
  if (!claimed.ok) return claimed;
  const { tokenId: jti, issuer } = credential;
  const grant = mintGrant(
    {
      issuer: context.settings.grantIssuer,
      subject: subjectHash(key, issuer, credential.subject),
      sessionId,
      prefix: `/${asset.id}/`,
      issuedAt: now,
      expiresAt,
      ...(jti !== undefined && { token: tokenHash(key, issuer, jti) }),
      ...binding.value,
    },
    key,
  );
  const manifestExpiry = earlier(after(now, context.settings.manifestTtl), expiresAt);
  return ok({
    sessionId,
    manifestUrl: manifestUrl(asset, grant, key, manifestExpiry, context),
    manifestExpiresAt: rfc3339(manifestExpiry),
    sessionExpiresAt: rfc3339(expiresAt),
    grant,
  });
}

function manifestUrl(
  { id, entry }: Asset,
  grant: string,
  key: PreparedSessionKey,
  expiry: UnixSeconds,
  { settings }: SessionContext,
): string {
  const path = `/${id}/${entry}`;
  return `${settings.mediaUrl}/${grant}${path}?${signedQuery(key.url.playlist, "playlist", { path, query: "", expiry, grant })}`;
}

/** A place among the viewer's streams. Whom a takeover ends is told to the edge before his place is given away. */
async function claimLease(
  { credential, asset, sessionId, takeover }: Opening,
  key: PreparedSessionKey,
  now: UnixSeconds,
  expiresAt: UnixSeconds,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  const { keys, streams, settings, onFailure } = context;
  const named = (by: PreparedSessionKey) => subjectHash(by, credential.issuer, credential.subject);
  const older = [...keys.values()].filter(({ nbf }) => (nbf ?? 0) < (key.nbf ?? 0)).map(named);
  const limit = credential.streams ?? asset.streams ?? settings.streamLimit;
  const claim = { sessionId, assetId: asset.id, now, expiresAt, limit, takeover };
  const answer = await fromStore("the viewer's streams", streams(named(key), older).claim(claim), context);
  if (!answer.ok) {
    if (settings.storeFailure === "closed") return answer;
    onFailure(answer.refusal);
    return ok(undefined);
  }
  switch (answer.value.is) {
    case "limited": {
      const { running } = answer.value;
      return refuse({ code: "stream_limit", reason: `${running.length} streams run, which is all he may`, running });
    }
    case "ended":
      return endedBecause(answer.value.cause);
    case "held": {
      const taken = answer.value.taken.map(
        (stream) =>
          ({ kind: "session", value: stream.sessionId, cause: "taken", at: now, until: stream.expiresAt }) as const,
      );
      if (taken.length === 0) return ok(undefined);
      const told = await fromStore("the revocation log", context.log.append(taken), context);
      return told.ok ? ok(undefined) : told;
    }
  }
}
