import { after, seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { keysFor, signingKey } from "../../../src/keys/ring.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import type { BoundNetwork } from "../../../src/signing/grant.ts";
import { type PreparedSessionKey, prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { type Finding, fault, notChecked, warning } from "../finding.ts";
import { answererOf, brokenFinding, type Distribution, publishAdvice, refusalOf, syncAdvice } from "./distribution.ts";
import { doctorUrl, keyMissing } from "./keys.ts";
import { type Live, missingFile } from "./live.ts";
import { type ProbeResponse, statusText } from "./probe.ts";

/** What a distribution does with signatures of the ring's keys: each key, the renewal, and how it names its viewers. */
export async function signedFindings(distribution: Distribution, live: Live): Promise<Finding[]> {
  const { ring, host } = distribution;
  const prepared = await prepareSessionKeys(ring, oneShotHmac, ["cloudfront-session"]);
  const keys = keysFor(ring, "cloudfront-session");
  const findings = await Promise.all(
    keys.map(async (key) => {
      const preparedKey = prepared.get(key.kid);
      const state = keyStateOf(key, ring.keys, live.clock());
      return preparedKey === undefined ? [] : keyFindings(preparedKey, state, distribution, live);
    }),
  );
  const signing = prepared.get(signingKey(keys, live.clock())?.kid ?? "");
  const isLive = findings.flat().every(({ severity }) => severity === "fine");
  // The keys check says what to do without a key. With a wrong one, the other requests would show nothing else.
  if (signing === undefined || !isLive)
    return [
      ...findings.flat(),
      notChecked(`renewal and viewers at ${host}`, "They need a key that signs and that the distribution accepts."),
    ];
  return [
    ...findings.flat(),
    ...(await renewalFindings(signing, distribution, live)),
    ...(await headerFindings(signing, distribution, live)),
    ...(await viewerFindings(signing, distribution, live)),
  ];
}

interface Signed {
  readonly base?: string;
  readonly path?: string;
  readonly purpose?: "segment" | "playlist";
  readonly expiresAt?: UnixSeconds;
  readonly network?: BoundNetwork;
}

/** A URL that is signed for a file which does not exist: the response shows how far the request gets. */
function signedUrl(key: PreparedSessionKey, { url, asset }: Distribution, live: Live, given: Signed = {}): string {
  const { base = url, purpose = "segment", expiresAt, network } = given;
  const { path = missingFile(asset, purpose === "playlist" ? ".m3u8" : ".ts") } = given;
  return doctorUrl(
    key,
    { asset, path, purpose },
    {
      ...{ mediaUrl: base, grantIssuer: live.grantIssuer, now: live.clock() },
      // A renewal lasts no longer than its session.
      ...(expiresAt !== undefined && { expiresAt, sessionExpiresAt: after(live.clock(), seconds(7200)) }),
      ...(network !== undefined && { network }),
    },
  );
}

async function keyFindings(
  key: PreparedSessionKey,
  state: string,
  distribution: Distribution,
  live: Live,
): Promise<Finding[]> {
  const { host, asset } = distribution;
  const about = `key ${key.kid} at ${host}`;
  const response = await live.probe(signedUrl(key, distribution, live));
  if (response === "silent") return [notChecked(about, "The distribution does not answer within 5 s.")];
  const broken = brokenFinding(host, response, live);
  if (broken !== undefined) return [broken];
  const code = refusalOf(response);
  if (keyMissing.has(code)) {
    if (state === "retired") return [];
    return [
      (state === "next" ? warning : fault)(
        "key_not_live",
        about,
        `It is ${state} in the ring, and the distribution refuses its signatures (${statusText(response)}): its KeyValueStore does not have the key or has another with this kid, or the function was written with another STAGEDOOR_GRANT_ISSUER.`,
        `To bring the store in step with the ring, ${syncAdvice(live)}. After a change of the issuer, ${publishAdvice(live)}.`,
      ),
    ];
  }
  if (code === "asset_unknown" || code === "path_not_covered")
    return [
      fault(
        "function_asset_unknown",
        `asset ${asset.id}`,
        `The function at ${host} does not have the asset (${statusText(response)}).`,
        `To have one for every asset, ${publishAdvice(live)}.`,
      ),
    ];
  if (answererOf(response) === "function")
    return [
      warning(
        "key_untested",
        about,
        `The distribution answers ${statusText(response)}. Whether it has the key is therefore unknown.`,
        "If the key or the asset was revoked, lift the revocation or replace the key. Then run this command again.",
      ),
    ];
  if (state !== "retired") return [];
  return [
    fault(
      "retired_key_live",
      about,
      "It is retired in the ring, and the distribution still accepts its signatures.",
      `To remove the key from the store, ${syncAdvice(live)}.`,
    ),
  ];
}

/** Whether an authentic URL that has expired is redirected to a fresh one, as the media host does it. */
async function renewalFindings(key: PreparedSessionKey, distribution: Distribution, live: Live): Promise<Finding[]> {
  const { host, asset } = distribution;
  const given = { path: missingFile(asset), expiresAt: unixSeconds(live.clock() - 30) };
  const url = signedUrl(key, distribution, live, given);
  const first = await renewalsOf(url, distribution, live);
  if (first === "silent") return [notChecked(`the renewal at ${host}`, "The hosts do not answer within 5 s.")];
  const { here, response } = first;
  if (here === undefined && refusalOf(response) !== "signature_expired")
    return [broken(live, host, `is answered ${statusText(response)} in place of 307 to a fresh one`)];
  // Between two answers a step may begin, so a difference counts if it is there twice.
  const second = first.areEqual ? first : await renewalsOf(url, distribution, live);
  if (second !== "silent" && !first.areEqual && !second.areEqual)
    return [
      fault(
        "function_differs",
        host,
        `The function ${renewalText(first.here, live)}, and the media host ${renewalText(first.there, live)}: the function was written with other settings.`,
        `To have STAGEDOOR_RENEWAL, STAGEDOOR_PAUSE_ALLOWANCE and STAGEDOOR_EXPIRY_STEP in both, ${publishAdvice(live)}.`,
      ),
    ];
  // `STAGEDOOR_RENEWAL=off`, which the settings check reports.
  if (here === undefined) return [];
  const renewed = await live.probe(here.url);
  if (renewed === "silent") return [broken(live, host, "is redirected to a URL that gets no answer within 5 s")];
  if (answererOf(renewed) === "elsewhere" && renewed.status !== 307) return [];
  return [broken(live, host, `is redirected to a URL that is answered ${statusText(renewed)}`)];
}

function broken(live: Live, host: string, result: string): Finding {
  return fault(
    "renewal_broken",
    host,
    `An authentic URL that has expired ${result}: viewers who pause have to start again.`,
    `Check that nothing between players and CloudFront follows or changes redirects. Otherwise ${publishAdvice(live)}.`,
  );
}

interface Renewal {
  readonly url: string;
  readonly expiry: number;
}

function renewalOf({ status, headers }: ProbeResponse, url: string): Renewal | undefined {
  const location = headers.get("Location") ?? "";
  if (status !== 307 || !URL.canParse(location, url)) return undefined;
  const fresh = new URL(location, url);
  const expiry = Number(fresh.searchParams.get("seg")?.split(".")[0]);
  return Number.isInteger(expiry) ? { url: fresh.href, expiry } : undefined;
}

/** How the function and the media host renew the same URL. The latter may refuse doctor's session for reasons of its own. */
async function renewalsOf(url: string, { url: base, mediaUrl }: Distribution, { probe }: Live) {
  const response = await probe(url);
  const atMediaHost = await probe(mediaUrl + url.slice(base.length));
  if (response === "silent" || atMediaHost === "silent") return "silent";
  const [here, there] = [renewalOf(response, url), renewalOf(atMediaHost, url)];
  const isComparable = there !== undefined || refusalOf(atMediaHost) === "signature_expired";
  // They may answer in different seconds.
  const areEqual = here === undefined ? there === undefined : Math.abs(here.expiry - (there?.expiry ?? 0)) <= 2;
  return { response, here, there, areEqual: !isComparable || areEqual };
}

function renewalText(renewal: Renewal | undefined, { clock }: Live): string {
  return renewal === undefined ? "renews no URL" : `renews a URL for ${renewal.expiry - clock()} s`;
}

/** An address for documentation (RFC 5737), which is no viewer's. */
const nobody = { address: "192.0.2.1", network: { family: 4, bits: 24, bytes: Uint8Array.of(192, 0, 2, 0) } } as const;

/** Whether the media host believes a client about its address, without a secret and with a wrong one. */
async function headerFindings(key: PreparedSessionKey, distribution: Distribution, live: Live): Promise<Finding[]> {
  const { mediaUrl } = distribution;
  const about = `media host ${new URL(mediaUrl).host}`;
  const url = signedUrl(key, distribution, live, { base: mediaUrl, purpose: "playlist", network: nobody.network });
  const viewer = { "Stagedoor-Viewer": `${nobody.address} XX` };
  for (const headers of [viewer, { ...viewer, "Stagedoor-Edge-Secret": crypto.randomUUID() }]) {
    const response = await live.probe(url, { headers });
    if (response === "silent") return [notChecked(`what the ${about} believes`, "It does not answer within 5 s.")];
    const code = refusalOf(response);
    // Refusals of the checks before the binding: the keys check reports them.
    if (code === "binding_mismatch" || keyMissing.has(code)) continue;
    return [
      fault(
        "viewer_header_trusted",
        about,
        `It believes the header Stagedoor-Viewer of a client ${"Stagedoor-Edge-Secret" in headers ? "with a made-up secret" : "without a secret"} (${statusText(response)}): anybody can name the network that a session is bound to.`,
        "Find what in front of the media host adds or replaces Stagedoor-Edge-Secret: only CloudFront may send it.",
      ),
    ];
  }
  return [];
}

/** Whether the media host believes the function about the viewer's address: it does with the distribution's secret. */
async function viewerFindings(key: PreparedSessionKey, distribution: Distribution, live: Live): Promise<Finding[]> {
  const { host } = distribution;
  const network = await ownNetwork(key, distribution, live);
  if (network === undefined)
    return [notChecked(`how ${host} names its viewers`, "It shows no network of this machine. Run the command again.")];
  const response = await live.probe(signedUrl(key, distribution, live, { purpose: "playlist", network }));
  if (response === "silent") return [notChecked(`playlists at ${host}`, "It does not answer within 5 s.")];
  if (refusalOf(response) === "binding_mismatch")
    return [
      fault(
        "edge_secret_refused",
        host,
        "The media host does not believe the function about the viewer's address: a session that is bound to a network plays nowhere, and all viewers seem to be in CloudFront's networks.",
        `Give the distribution's origin manifest the header Stagedoor-Edge-Secret with a value of STAGEDOOR_EDGE_SECRETS, and the media host that setting: ${live.upload("STAGEDOOR_EDGE_SECRETS")}.`,
      ),
    ];
  if (answererOf(response) !== "media host" && response.status >= 300)
    return [
      fault(
        "function_failed",
        host,
        `A playlist does not reach the media host (${statusText(response)}).`,
        "Check the distribution's origin with the id manifest: its domain is the media host's, with HTTPS only.",
      ),
    ];
  return [];
}

/**
 * The network of this machine as CloudFront sees it, bit by bit: the function accepts a grant that is bound to the
 * viewer's network and no other.
 */
async function ownNetwork(
  key: PreparedSessionKey,
  distribution: Distribution,
  live: Live,
): Promise<BoundNetwork | undefined> {
  const accepts = async (network: BoundNetwork) => {
    const response = await live.probe(signedUrl(key, distribution, live, { network }));
    return response !== "silent" && refusalOf(response) !== "binding_mismatch";
  };
  for (const { family, length, bits } of [
    { family: 4, length: 4, bits: 24 },
    { family: 6, length: 16, bits: 48 },
  ] as const) {
    const bytes = new Uint8Array(length);
    for (let bit = 0; bit < bits; bit++) {
      const at = bit >> 3;
      if (!(await accepts({ family, bits: bit + 1, bytes }))) bytes[at] = (bytes[at] ?? 0) | (0x80 >> (bit & 7));
      // Neither half of a family's addresses: the other family.
      if (bit === 0 && (bytes[0] ?? 0) > 0 && !(await accepts({ family, bits: 1, bytes }))) break;
    }
    if (await accepts({ family, bits, bytes })) return { family, bits, bytes };
  }
  return undefined;
}
