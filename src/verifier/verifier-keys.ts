import { encodeBase64url } from "../base/encoding.ts";
import { derivedFrom } from "../keys/key-material.ts";
import { type KeyRing, keysFor } from "../keys/ring.ts";
import type { VerifierKey } from "./verifier-types.ts";

type SessionKey = ReturnType<typeof keysFor<"session">>[number];

/**
 * The session keys of a ring for edges without HKDF: the keys per purpose are derived here, as
 * `signing/session-keys.ts` derives them. Retired keys are left out. The result verifies and also signs, so it is as
 * secret as the ring.
 */
export function verifierKeys(ring: KeyRing): Promise<readonly VerifierKey[]> {
  return Promise.all(
    keysFor(ring, "session")
      .filter(({ state }) => state !== "retired")
      .map(verifierKey),
  );
}

async function verifierKey(key: SessionKey): Promise<VerifierKey> {
  const derived = await derivedFrom(key);
  const derive = async (purpose: string) => encodeBase64url(await derived(purpose));
  return {
    kid: key.kid,
    ...(key.exp !== undefined && { exp: key.exp }),
    grant: key.k,
    shared: { segment: await derive("segment"), key: await derive("key") },
    session: {
      playlist: await derive("session/playlist"),
      segment: await derive("session/segment"),
      key: await derive("session/key"),
      file: await derive("session/file"),
    },
  };
}
