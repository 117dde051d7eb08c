import { AwsV4Signer } from "aws4fetch";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { type Clock, rfc3339 } from "../base/time.ts";
import type { HttpAssetOrigin } from "../catalog/asset-origin.ts";
import { bindingFault, type OriginSecrets } from "../catalog/origin-secrets.ts";

/** A secret by the name that the catalog gives it, undefined where it is not set. */
type SecretOf = (name: string) => string | undefined;

/** Where an origin's credentials come from, and what the deployment lets them be used for. */
export interface OriginSecretPorts {
  readonly secretOf: SecretOf;
  readonly originSecrets: OriginSecrets;
}

/** The URL as it is to be requested, and the headers that say who asks. */
export interface SignedRequest {
  readonly url: string;
  readonly headers: Headers;
}

/** Keeps what SigV4 derives from a secret for a day; made once, beside the origin. */
export type DerivedKeys = Map<string, ArrayBuffer>;

/**
 * What an origin that is not public asks for. `configuration_invalid` where a secret is not set, or
 * not bound to this host and use. With SigV4 nothing is
 * signed but the method, the URL and the host: proxies may change the other headers, and S3 does not need them.
 */
export async function signOriginRequest(
  origin: HttpAssetOrigin,
  request: { readonly url: string; readonly method: string },
  ports: OriginSecretPorts & { readonly clock: Clock; readonly derived: DerivedKeys },
): Promise<Result<SignedRequest, Refusal<"configuration_invalid">>> {
  const { url, method } = request;
  const { auth } = origin;
  if (auth === undefined) return ok({ url, headers: new Headers() });
  // Whoever may write the catalog would otherwise have any secret sent to a server of their own. A redirect stays on the host.
  const unbound = bindingFault(origin, ports.originSecrets);
  if (unbound !== undefined) return refusal("configuration_invalid", unbound);
  if (auth.type === "header") {
    const secret = ports.secretOf(auth.secret);
    return secret === undefined ? unset(auth.secret) : ok({ url, headers: new Headers([[auth.name, secret]]) });
  }
  const accessKeyId = ports.secretOf(auth.accessKeyId);
  if (accessKeyId === undefined) return unset(auth.accessKeyId);
  const secretAccessKey = ports.secretOf(auth.secretAccessKey);
  if (secretAccessKey === undefined) return unset(auth.secretAccessKey);
  const { region, service } = auth;
  const datetime = rfc3339(ports.clock()).replaceAll("-", "").replaceAll(":", "");
  const plain = service === "s3" ? withSignedPath(url) : url;
  // One derived key a day, region and secret: without an end an isolate that lives for long would gather them.
  if (ports.derived.size > 100) ports.derived.clear();
  const cache = ports.derived;
  const signer = new AwsV4Signer({
    url: plain,
    method,
    accessKeyId,
    secretAccessKey,
    region,
    service,
    datetime,
    cache,
  });
  const { headers } = await signer.sign();
  return ok({ url: plain, headers });
}

/**
 * The URL with the spelling of its path that S3 signs: decoded once, then each byte escaped but unreserved ones and slashes.
 * So the path that is sent is the one that is signed, and names the same key: S3 reads a bare `+` as a space.
 */
function withSignedPath(url: string): string {
  const mark = url.indexOf("?");
  const end = mark < 0 ? url.length : mark;
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const path = url.slice(start, end);
  return url.slice(0, start) + (spelledForS3(path) ?? path.replaceAll("+", "%2B")) + url.slice(end);
}

/** Undefined where the path is not UTF-8, as S3's keys are. */
function spelledForS3(path: string): string | undefined {
  try {
    const key = encodeURIComponent(decodeURIComponent(path)).replaceAll("%2F", "/");
    return key.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  } catch {
    return undefined;
  }
}

function unset(name: string): Result<never, Refusal<"configuration_invalid">> {
  return refusal("configuration_invalid", `the secret ${name}, which the catalog names, is not set`);
}
