import { parameterOf } from "../src/base/media-purpose.ts";
import { readStatement } from "../src/signing/cloudfront/cloudfront-policy.ts";
import {
  isCloudFrontParameter,
  readParameters,
  type SignedParameters,
} from "../src/signing/cloudfront/signed-parameters.ts";
import { parseMediaTarget } from "../src/signing/media-url.ts";
import { shortened } from "./time-text.ts";

/** A signed URL as the page shows it, and its changed variants for experiments. */
export interface SignedLink {
  /** The path below the asset: `360p/0.ts`. */
  readonly file: string;
  /** The scope of the signature, in words. */
  readonly signedAs: string;
  /** The kind of a CloudFront policy. */
  readonly policy: "canned" | "custom" | undefined;
  /** The expiry of the signature, in milliseconds. */
  readonly expiresAt: number | undefined;
  /** The URL with grant and signature shortened, so that it is unusable. */
  readonly shown: string;
  readonly stripped: string;
  /** With one character of the signature changed. */
  readonly changed: string;
}

const purposes = {
  playlist: "this playlist in this session",
  segment: "this file",
  key: "this key",
  file: "this file in this session",
};

/** Reads a URL of the media host, in the edge's or in CloudFront's form. */
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
      expiresAt: undefined,
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
    expiresAt: expiry * 1000,
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
    signedAs: kind === "canned" ? "only this URL (canned policy)" : "the resource of its custom policy",
    policy: kind,
    expiresAt: expiryOf(parameters),
    shown: `${origin}${path}?${short.join("&")}`,
    stripped: `${origin}${path}${own.length === 0 ? "" : `?${own.join("&")}`}`,
    changed: `${origin}${path}?${changed.join("&")}`,
  };
}

function expiryOf({ policy }: SignedParameters): number | undefined {
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

/** Changes a character in the middle, where all its bits count. Some bits of the last one may not. */
function oneCharacterChanged(signature: string): string {
  const at = signature.length >> 1;
  return signature.slice(0, at) + (signature[at] === "A" ? "B" : "A") + signature.slice(at + 1);
}
