import { randomBytes } from "node:crypto";
import { entryPlace } from "../../../src/catalog/asset.ts";
import { newSessionKey } from "../../../src/keys/generate.ts";
import { type KeyRing, keysFor, signingKey } from "../../../src/keys/ring.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { type Finding, fault, notChecked } from "../finding.ts";
import { allowsHeaders, allowsOrigin, page, preflightOf } from "./cors.ts";
import { answererOf, brokenFinding, type Distribution, withoutCors } from "./distribution.ts";
import { signedFindings } from "./function-keys.ts";
import { doctorUrl } from "./keys.ts";
import { functionAssets, type Live, missingFile } from "./live.ts";
import { checkEach, type ProbeOptions, statusText } from "./probe.ts";

/** Whether each distribution's function answers everywhere, has a store in step, and is known by the media host. */
export function functionFindings(ring: KeyRing, mediaUrl: string, live: Live): Promise<Finding[]> {
  return checkEach([...functionAssets(live)], async ([url, assets]) => {
    const [asset] = assets;
    if (asset === undefined) return [];
    return distributionFindings({ url, host: new URL(url).host, assets, asset, ring, mediaUrl }, live);
  });
}

async function distributionFindings(distribution: Distribution, live: Live): Promise<Finding[]> {
  const { url, host, asset } = distribution;
  const first = await live.probe(url + missingFile(asset));
  if (first === "silent")
    return [
      fault(
        "host_silent",
        host,
        "The distribution does not answer within 5 s.",
        "Check cdnUrl in the catalog, and that the distribution is deployed and enabled.",
      ),
    ];
  const missing = await attachmentFindings(distribution, live);
  if (answererOf(first) === "elsewhere")
    return [...missing, notChecked(`the function of ${host}`, "Associate it with the distribution first.")];
  const findings = [...missing, ...(await preflightFindings(distribution, live))];
  // Without its store the function refuses everything alike.
  const failing = brokenFinding(host, first, live);
  return failing === undefined ? [...findings, ...(await signedFindings(distribution, live))] : [...findings, failing];
}

interface Attempt {
  readonly name: string;
  readonly url: string;
  readonly options?: ProbeOptions;
}

/** The ends of the files that cache behaviours usually distinguish, and two that they do not. */
const extensions = [".ts", ".m4s", ".mp4", ".m3u8", ".key", ".vtt", ".jpg", ".stagedoor", ""];

/** Requests without a valid signature at every kind of path. */
async function attemptsAt({ url, assets, asset, ring }: Distribution, live: Live): Promise<readonly Attempt[]> {
  const kid = signingKey(keysFor(ring, "cloudfront-session"), live.clock())?.kid ?? "stranger";
  const strangers = await prepareSessionKeys({ keys: [newSessionKey(kid, randomBytes)] }, oneShotHmac);
  const context = { mediaUrl: url, grantIssuer: live.grantIssuer, now: live.clock() };
  const kinds = extensions.flatMap((extension) => {
    const kind = extension === "" ? "a file without an extension" : `*${extension}`;
    const purpose = extension === ".m3u8" ? "playlist" : extension === ".key" ? "key" : "segment";
    const path = missingFile(asset, extension);
    return [
      { name: `${kind} without a signature`, url: url + path },
      ...[...strangers.values()].map((stranger) => ({
        name: `${kind} with another deployment's signature`,
        url: doctorUrl(stranger, { asset, path, purpose }, context),
      })),
    ];
  });
  const entries = assets.flatMap((each) => {
    const { path, query } = entryPlace(each);
    return [
      { name: `the entry of ${each.id}`, url: `${url}/${each.id}/${path}${query === "" ? "" : `?${query}`}` },
      { name: `a segment of ${each.id}`, url: url + missingFile(each) },
    ];
  });
  const head = { name: "a HEAD of *.ts", url: url + missingFile(asset), options: { method: "HEAD" } };
  return [{ name: "the root", url: `${url}/` }, ...kinds, head, ...entries];
}

/** Whether the function itself refuses these requests, at every path and so in every cache behaviour. */
async function attachmentFindings(distribution: Distribution, live: Live): Promise<Finding[]> {
  const { host } = distribution;
  const attempts = await attemptsAt(distribution, live);
  const missed: string[] = [];
  const silent: string[] = [];
  const uncovered: string[] = [];
  await checkEach(attempts, async ({ name, url, options }) => {
    const response = await live.probe(url, { ...options, headers: { Origin: page } });
    if (response === "silent") silent.push(name);
    else if (answererOf(response) === "elsewhere") missed.push(`${name} (${statusText(response)})`);
    else if (answererOf(response) === "media host") missed.push(`${name} (${statusText(response)}, by the media host)`);
    else if (answererOf(response) === "function" && !allowsOrigin(response)) uncovered.push(name);
    return [];
  });
  return [
    ...(silent.length === 0 ? [] : [notChecked(`${silent.join(", ")} at ${host}`, "It does not answer within 5 s.")]),
    ...(missed.length === 0
      ? []
      : [
          fault(
            "function_missing",
            host,
            `The function does not answer everywhere, and without it anyone who knows a path can download the file. These requests reached an origin: ${missed.toSorted().join(", ")}.`,
            "Associate the function with the event viewer-request of every cache behaviour, the default one included, and wait until the distribution is deployed.",
          ),
        ]),
    ...(uncovered.length === 0 ? [] : [withoutCors(host, "a refusal of the function", "Access-Control-Allow-Origin")]),
  ];
}

async function preflightFindings({ url, host, asset }: Distribution, live: Live): Promise<Finding[]> {
  const allowed = ["cmcd-request", "range"];
  const response = await live.probe(url + missingFile(asset), preflightOf("GET", allowed));
  if (response === "silent") return [notChecked(`a preflight at ${host}`, "It does not answer within 5 s.")];
  if (response.status < 300 && allowsOrigin(response) && allowsHeaders(response, allowed)) return [];
  if (answererOf(response) === "broken function") return [];
  return [withoutCors(host, `a preflight (${statusText(response)})`, "Access-Control-Allow-Headers")];
}
