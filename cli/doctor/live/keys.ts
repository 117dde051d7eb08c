import { after, seconds, type UnixSeconds } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { ringFor } from "../../../src/config/configuration.ts";
import { fingerprintOf } from "../../../src/keys/key-material.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { type PreparedSessionKey, prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { parseJson } from "../../lib/files.ts";
import { type MediaFile, type SigningContext, signMediaUrl } from "../../lib/sign-media-url.ts";
import { type Check, type Finding, fault, notChecked, warning } from "../finding.ts";
import { assetsOf, catalogOptions, type Live, missingFile } from "./live.ts";
import { type ProbeResponse, statusText } from "./probe.ts";

/** Codes of the media host that mean that it does not have the key. */
export const keyMissing = new Set(["key_unknown", "grant_invalid", "signature_invalid", "signature_missing"]);
/** Codes of checks that come after the signature's: the media host has the key. */
const keyAccepted = new Set(["object_unknown", "origin_failed", "origin_slow", "session_shared", "stream_taken"]);

/** Tries each session key of the ring at the media host, and compares the API's list of keys with the ring. */
export const liveKeysCheck: Check<Live> = {
  name: "live keys",
  passed: "the workers have the ring's keys, each in its state",
  run: async (live) => [...(await mediaHostFindings(live)), ...(await apiFindings(live))],
};

async function mediaHostFindings(live: Live): Promise<Finding[]> {
  const { mediaUrl, ring, catalog } = live;
  if (mediaUrl === undefined || ring === undefined || catalog === undefined)
    return [notChecked("keys at the media host", `Give --media, --ring and ${catalogOptions}.`)];
  const groups = await Promise.all([
    keysAt("session", "edge", { live, ring, mediaUrl }),
    // An asset at CloudFront has keys of its own, which the media host verifies too.
    keysAt("cloudfront-session", "cloudfront", { live, ring, mediaUrl }),
  ]);
  if (groups.every((group) => group === undefined))
    return [notChecked("keys at the media host", "Add an asset with cdn: edge to the catalog.")];
  return groups.flatMap((group) => group ?? []);
}

interface KeysContext {
  readonly live: Live;
  readonly ring: KeyRing;
  readonly mediaUrl: string;
}

/** What the media host does with each key of a purpose; undefined without an asset that these keys sign for. */
async function keysAt(
  purpose: "session" | "cloudfront-session",
  cdn: Asset["cdn"],
  { live, ring, mediaUrl }: KeysContext,
): Promise<readonly Finding[] | undefined> {
  const asset = assetsOf(live).find((each) => each.cdn === cdn);
  if (asset === undefined) return undefined;
  const prepared = await prepareSessionKeys(ring, oneShotHmac, [purpose]);
  const findings = keysFor(ring, purpose).map(async (key): Promise<Finding[]> => {
    const preparedKey = prepared.get(key.kid);
    if (preparedKey === undefined) return [];
    const state = keyStateOf(key, ring.keys, live.clock());
    const file = { asset, path: missingFile(asset), purpose: "segment" } as const;
    const url = doctorUrl(preparedKey, file, { mediaUrl, grantIssuer: live.grantIssuer, now: live.clock() });
    return keyFindings({ kid: key.kid, state, asset }, await live.probe(url), live);
  });
  return (await Promise.all(findings)).flat();
}

function keyFindings(
  { kid, state, asset }: { readonly kid: string; readonly state: string; readonly asset: Asset },
  response: ProbeResponse | "silent",
  { upload }: Live,
): Finding[] {
  const about = `key ${kid}`;
  if (response === "silent") return [untested(about, "The media host does not answer within 5 s.")];
  const { code = "" } = response;
  if (keyMissing.has(code) && state === "retired") return [];
  if (keyMissing.has(code))
    return [
      fault(
        "key_not_live",
        about,
        `It is ${state} in the ring, and the media host refuses its signatures (${statusText(response)}): it does not have the key, has another key with this kid, or has another STAGEDOOR_GRANT_ISSUER.`,
        `Let the service have this ring: ${upload("STAGEDOOR_KEYS")}.`,
      ),
    ];
  if (code === "asset_unknown" || code === "path_not_covered")
    return [
      warning(
        "asset_not_live",
        `asset ${asset.id}`,
        `The media host's catalog has no such asset (${statusText(response)}).`,
        "After a change of the catalog, wait two minutes. Otherwise write the right catalog to KV, or give the deployed one with --catalog.",
      ),
    ];
  if (!keyAccepted.has(code)) return [untested(about, `The media host answers ${statusText(response)}.`)];
  if (state !== "retired") return [];
  return [
    fault(
      "retired_key_live",
      about,
      "It is retired in the ring, and the media host still accepts its signatures.",
      `Let the service have this ring again, without its retired keys: ${upload("STAGEDOOR_KEYS")}.`,
    ),
  ];
}

function untested(about: string, found: string): Finding {
  return warning(
    "key_untested",
    about,
    `${found} Whether it has the key is therefore unknown.`,
    "Fix the other findings and run this command again.",
  );
}

/** Compares the keys that the API lists, without their secrets, with the ring. */
async function apiFindings({ apiUrl, bearer, ring, probe, clock, upload }: Live): Promise<Finding[]> {
  if (apiUrl === undefined || bearer === undefined || ring === undefined)
    return [notChecked("keys at the API", "Give --api, --ring and an operator's credential with --bearer ann.jwt.")];
  const response = await probe(`${apiUrl}/operator/keys`, { headers: { Authorization: `Bearer ${bearer}` } });
  if (response === "silent") return [untested("keys at the API", "The API does not answer within 5 s.")];
  if (response.status !== 200)
    return [
      warning(
        "operator_refused",
        "--bearer",
        `The API answers ${statusText(response)} to this operator's credential.`,
        "Make a credential with the scope operator:read: `npx stagedoor operator new`. The API needs the public half of the key that signs it.",
      ),
    ];
  return comparedKeys(listedKeys(response.text), ring, { now: clock(), upload });
}

interface ListedKey {
  readonly kid: unknown;
  readonly fingerprint: unknown;
  readonly revoked: unknown;
}

function listedKeys(text: string): readonly ListedKey[] {
  const keys: unknown = Object(parseJson(text)).keys;
  return (Array.isArray(keys) ? keys : []).map((key: unknown) => {
    const { kid, fingerprint, revoked } = Object(key);
    return { kid, fingerprint, revoked };
  });
}

/** Whether the API has each key of its part of the ring, the same one, and not revoked. */
async function comparedKeys(
  listed: readonly ListedKey[],
  ring: KeyRing,
  { now, upload }: Pick<Live, "upload"> & { readonly now: UnixSeconds },
): Promise<Finding[]> {
  const ofRing = `Let the API have this ring: ${upload("STAGEDOOR_KEYS")}.`;
  const findings = ringFor("api", ring).keys.map(async (key): Promise<Finding[]> => {
    const state = keyStateOf(key, ring.keys, now);
    if (state === "retired") return [];
    const about = `key ${key.kid}`;
    const apiKey = listed.find(({ kid }) => kid === key.kid);
    if (apiKey === undefined)
      return [fault("api_keys_differ", about, `It is ${state} in the ring, and the API does not have it.`, ofRing)];
    if (apiKey.fingerprint !== undefined && apiKey.fingerprint !== (await fingerprintOf(key)))
      return [fault("api_keys_differ", about, "The API has another key with this kid.", ofRing)];
    if (apiKey.revoked !== true) return [];
    return [
      fault(
        "key_revoked",
        about,
        `It is ${state} in the ring, and was revoked: all its signatures are refused.`,
        `Replace it with \`npx stagedoor keys rotate --at-once --purpose ${key.purpose}\`. If it was revoked by mistake: \`npx stagedoor revoke --key ${key.kid} --lift\`.`,
      ),
    ];
  });
  return (await Promise.all(findings)).flat();
}

/** A URL of the media host that is valid for a minute. */
export function doctorUrl(
  key: PreparedSessionKey,
  file: MediaFile,
  context: Pick<Live, "grantIssuer"> & { readonly mediaUrl: string; readonly now: UnixSeconds } & Partial<
      Pick<SigningContext, "expiresAt" | "sessionExpiresAt" | "network">
    >,
): string {
  const expiresAt = after(context.now, seconds(60));
  const subject = { issuer: "stagedoor-doctor", name: "doctor" };
  return signMediaUrl(key, file, { expiresAt, sessionExpiresAt: expiresAt, ...context, subject }).url;
}
