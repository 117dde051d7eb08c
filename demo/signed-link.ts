import { parameterOf } from "../src/base/constants.ts";
import { readStatement } from "../src/signing/cloudfront/cloudfront-policy.ts";
import {
  isCloudFrontParameter,
  readParameters,
  type SignedParameters,
} from "../src/signing/cloudfront/signed-parameters.ts";
import { parseMediaTarget } from "../src/signing/media-url.ts";
import { shortened } from "./time-text.ts";

/** A signed URL as the page shows it, and as it changes it to see what happens. */
export interface SignedLink {
  /** The file below its asset: `360p/0.ts`. */
  readonly file: string;
  /** What the signature is good for, in words. */
  readonly signedAs: string;
  /** The kind of CloudFront's policy. */
  readonly policy: "canned" | "custom" | undefined;
  /** When the signature ends, in milliseconds. */
  readonly ends: number | undefined;
  /** The URL with grant and signature shortened: nobody can use it. */
  readonly shown: string;
  readonly stripped: string;
  /** With one character of its signature changed. */
  readonly changed: string;
}

const purposes = { playlist: "this playlist in this session", segment: "this file", key: "this key" };

/** Takes a URL of the media host apart, of the edge's form or of CloudFront's. */
export function readLink(url: string): SignedLink {
  const { origin, pathname, search } = new URL(url);
  const query = search.slice(1);
  const cloudFront = readParameters(query);
  if (cloudFront.ok) return cloudFrontLink(origin, pathname, query, cloudFront.value);
  return edgeLink(origin, pathname, query);
}

function edgeLink(origin: string, path: string, query: string): SignedLink {
  const target = parseMediaTarget(`${path}?${query}`);
  const signature = target.ok ? target.value.signature : undefined;
  if (!target.ok || signature === undefined)
    return {
      file: path.split("/").slice(3).join("/"),
      signedAs: "nothing: it is not signed",
      policy: undefined,
      ends: undefined,
      shown: origin + withShortGrant(path),
      stripped: origin + path,
      changed: origin + path,
    };
  const { purpose, expiry, signature: text } = signature;
  const parameter = `${parameterOf[purpose]}=${expiry}.`;
  return {
    file: belowAsset(target.value.path),
    signedAs: purposes[purpose],
    policy: undefined,
    ends: expiry * 1000,
    shown: `${origin}${withShortGrant(path)}?${query.replace(parameter + text, `${parameter}${shortened(text)}`)}`,
    stripped: `${origin}${path}`,
    changed: `${origin}${path}?${query.replace(parameter + text, parameter + oneCharacterChanged(text))}`,
  };
}

function cloudFrontLink(origin: string, path: string, query: string, parameters: SignedParameters): SignedLink {
  const pairs = query.split("&");
  const own = pairs.filter((pair) => !isCloudFrontParameter(pair.split("=", 1)[0] ?? ""));
  const short = pairs.map((pair) =>
    pair.replace(/^(Signature|Policy)=(.*)$/, (_, name, text) => `${name}=${shortened(text)}`),
  );
  const changed = pairs.map((pair) =>
    pair.replace(/^Signature=(.*)$/, (_, text) => `Signature=${oneCharacterChanged(text)}`),
  );
  const { kind } = parameters.policy;
  return {
    file: belowAsset(path),
    signedAs: kind === "canned" ? "this URL alone (canned policy)" : "what its custom policy names",
    policy: kind,
    ends: endOf(parameters),
    shown: `${origin}${path}?${short.join("&")}`,
    stripped: `${origin}${path}${own.length === 0 ? "" : `?${own.join("&")}`}`,
    changed: `${origin}${path}?${changed.join("&")}`,
  };
}

function endOf({ policy }: SignedParameters): number | undefined {
  if (policy.kind === "canned") return policy.expires * 1000;
  const statement = readStatement(policy.bytes);
  return statement.ok ? statement.value.expires * 1000 : undefined;
}

function belowAsset(path: string): string {
  return path.split("/").slice(2).join("/");
}

function withShortGrant(path: string): string {
  const [, grant = "", ...rest] = path.split("/");
  return ["", shortened(grant), ...rest].join("/");
}

/** In the middle: all of a character's bits count there, and none of the last one's may. */
function oneCharacterChanged(signature: string): string {
  const at = signature.length >> 1;
  return signature.slice(0, at) + (signature[at] === "A" ? "B" : "A") + signature.slice(at + 1);
}
