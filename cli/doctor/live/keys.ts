import { randomBytes } from "node:crypto";
import type { MediaPurpose } from "../../../src/base/constants.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { after, seconds, type UnixSeconds } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { ringFor } from "../../../src/config/configuration.ts";
import { isBound } from "../../../src/edge/check-media-request.ts";
import { fingerprintOf } from "../../../src/keys/key-material.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import { mintGrant } from "../../../src/signing/grant.ts";
import { signedQuery } from "../../../src/signing/media-url.ts";
import { macFor, type PreparedSessionKey, prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { parseJson } from "../../lib/files.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { told } from "./ask.ts";
import { assetsOf, giveCatalog, type Live, missingFile } from "./live.ts";

/** What the media host says where it does not take a key. Whatever comes after the signature was checked means that it does. */
const unknownKey = new Set(["key_unknown", "grant_invalid", "signature_invalid", "signature_missing"]);
const knownKey = new Set(["object_unknown", "origin_failed", "origin_slow", "session_shared", "stream_taken"]);

/** Each session key of the ring against the media host, and the API's own list against the ring. */
export const liveKeysCheck: Check<Live> = {
  name: "live keys",
  held: "the workers have the ring's keys, each as its state says",
  run: async (live) => [...(await atMediaHost(live)), ...(await atApi(live))],
};

async function atMediaHost(live: Live): Promise<Finding[]> {
  const { mediaUrl, ring, catalog } = live;
  if (mediaUrl === undefined || ring === undefined || catalog === undefined)
    return [notLookedAt("keys at the media host", `Give --media, --ring and ${giveCatalog}.`)];
  const asset = assetsOf(live).find(({ cdn }) => cdn === "edge");
  if (asset === undefined)
    return [notLookedAt("keys at the media host", "Put an asset that the edge serves into the catalog.")];
  const prepared = await prepareSessionKeys(ring, oneShotHmac);
  const found = keysFor(ring, "session").map(async (key): Promise<Finding[]> => {
    const made = prepared.get(key.kid);
    return made === undefined ? [] : tryKey(made, keyStateOf(key, ring.keys, live.clock()), mediaUrl, live);
  });
  return (await Promise.all(found)).flat();

  async function tryKey(key: PreparedSessionKey, state: string, at: string, { ask, clock, grantIssuer }: Live) {
    if (asset === undefined) return [];
    const file = { asset, path: missingFile(asset), purpose: "segment" } as const;
    const answer = await ask(mediaUrlUnder(key, file, { mediaUrl: at, grantIssuer, now: clock() }));
    const about = `key ${key.kid}`;
    if (answer === "silent") return [untested(about, "The media host does not answer within 5 s.")];
    const { code = "" } = answer;
    const retired = state === "retired";
    if (unknownKey.has(code))
      return retired
        ? []
        : [
            fault(
              "key_not_live",
              about,
              `It is ${state} in the ring, and the media host refuses what it signs (${told(answer)}): it has no such key, another one of this kid, or another STAGEDOOR_GRANT_ISSUER.`,
              "Hand the edge and the manifest worker their part of this ring: `npm run deploy -- --env <environment> --ring <file> --secrets-only`.",
            ),
          ];
    if (code === "asset_unknown" || code === "path_not_covered")
      return [
        warning(
          "asset_not_live",
          `asset ${asset.id}`,
          `The media host does not have it as this catalog does (${told(answer)}).`,
          "After a change wait for two minutes. Else put the catalog that is meant into KV, or give the one that is there with --catalog.",
        ),
      ];
    if (!knownKey.has(code)) return [untested(about, `The media host answers ${told(answer)}.`)];
    return retired
      ? [
          fault(
            "retired_key_live",
            about,
            "It is retired in the ring, and the media host still takes what it signs.",
            "Upload every worker's part of the ring again; `npx stagedoor keys for` leaves retired keys out.",
          ),
        ]
      : [];
  }
}

function untested(about: string, found: string): Finding {
  return warning(
    "key_untested",
    about,
    `${found} So it is not known whether the host has the key.`,
    "Fix the other findings, and try again.",
  );
}

/** The API's own list of its keys, which says nothing secret of them. */
async function atApi({ apiUrl, bearer, ring, ask, clock }: Live): Promise<Finding[]> {
  if (apiUrl === undefined || bearer === undefined || ring === undefined)
    return [notLookedAt("keys at the API", "Give --api, --ring and an operator's credential with --bearer ann.jwt.")];
  const answer = await ask(`${apiUrl}/operator/keys`, { headers: { Authorization: `Bearer ${bearer}` } });
  if (answer === "silent") return [untested("keys at the API", "The API does not answer within 5 s.")];
  if (answer.status !== 200)
    return [
      warning(
        "operator_refused",
        "--bearer",
        `The API answers ${told(answer)} to this operator's credential.`,
        "Make one with the scope operator:read: `npx stagedoor operator new`; the API needs the public half of the key that signs it.",
      ),
    ];
  return compared(listedKeys(answer.text), ring, clock());
}

interface ListedKey {
  readonly kid: unknown;
  readonly fingerprint: unknown;
  readonly revoked: unknown;
}

function listedKeys(text: string): readonly ListedKey[] {
  const listed: unknown = Object(parseJson(text)).keys;
  return (Array.isArray(listed) ? listed : []).map((key: unknown) => {
    const { kid, fingerprint, revoked } = Object(key);
    return { kid, fingerprint, revoked };
  });
}

/** What the API has against the ring: the same kids, the same keys, and none that signs and was revoked. */
async function compared(listed: readonly ListedKey[], ring: KeyRing, now: UnixSeconds): Promise<Finding[]> {
  const hand =
    "Hand the API its part of this ring: `npm run deploy -- --env <environment> --ring <file> --secrets-only`.";
  const found = ringFor("api", ring).keys.map(async (key): Promise<Finding[]> => {
    const state = keyStateOf(key, ring.keys, now);
    if (state === "retired") return [];
    const about = `key ${key.kid}`;
    const there = listed.find(({ kid }) => kid === key.kid);
    if (there === undefined)
      return [fault("api_keys_differ", about, `It is ${state} in the ring, and the API does not have it.`, hand)];
    if (there.fingerprint !== undefined && there.fingerprint !== (await fingerprintOf(key)))
      return [fault("api_keys_differ", about, "The API has another key of this kid than the ring.", hand)];
    if (there.revoked !== true) return [];
    return [
      fault(
        "key_revoked",
        about,
        `It is ${state} in the ring, and was revoked: nothing that it signs is taken.`,
        `Let another sign at once with \`npx stagedoor keys rotate --at-once --purpose ${key.purpose}\`, or lift it if it was a mistake: \`npx stagedoor revoke --key ${key.kid} --lift\`.`,
      ),
    ];
  });
  return (await Promise.all(found)).flat();
}

/** A URL of the media host for one file of an asset, good for a minute, of a session that nobody has started. */
export function mediaUrlUnder(
  key: PreparedSessionKey,
  file: { readonly asset: Asset; readonly path: string; readonly query?: string; readonly purpose: MediaPurpose },
  context: { readonly mediaUrl: string; readonly grantIssuer: string; readonly now: UnixSeconds },
): string {
  const { asset, path, query = "", purpose } = file;
  const { now, grantIssuer, mediaUrl } = context;
  const expiry = after(now, seconds(60));
  const grant = mintGrant(
    {
      issuer: grantIssuer,
      subject: subjectHash(key, "stagedoor-doctor", "doctor"),
      sessionId: encodeBase64url(randomBytes(16)),
      prefix: `/${asset.id}/`,
      issuedAt: now,
      expiresAt: expiry,
    },
    key,
  );
  const mac = macFor(key, purpose, isBound(purpose, asset) ? grant : undefined);
  return `${mediaUrl}/${grant}${path}?${signedQuery(mac, purpose, { path, query, expiry })}`;
}
