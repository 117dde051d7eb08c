import { AwsV4Signer } from "aws4fetch";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { type Clock, rfc3339 } from "../base/time.ts";
import type { HttpAssetOrigin } from "../catalog/asset-origin.ts";
import { bindingFault, type OriginSecrets } from "../catalog/origin-secrets.ts";

/** A secret by its name in the catalog; undefined if it is not set. */
type SecretOf = (name: string) => string | undefined;

/** An origin's credentials, and what the deployment allows them for. */
export interface OriginSecretPorts {
  readonly secretOf: SecretOf;
  readonly originSecrets: OriginSecrets;
}

/** The URL to request, and the headers with credentials. */
export interface SignedRequest {
  readonly url: string;
  readonly headers: Headers;
}

/** Caches SigV4's derived keys for a day; created once per origin adapter. */
export type DerivedKeys = Map<string, ArrayBuffer>;

/**
 * Adds the credentials of an origin that is not public. `configuration_invalid`: a secret is not set, or not bound to
 * this host and use. SigV4 signs only method, URL and host: proxies may change other headers, and S3 does not need
 * them.
 */
export async function signOriginRequest(
  origin: HttpAssetOrigin,
  request: { readonly url: string; readonly method: string },
  ports: OriginSecretPorts & { readonly clock: Clock; readonly derived: DerivedKeys },
): Promise<Result<SignedRequest, Refusal<"configuration_invalid">>> {
  const { url, method } = request;
  const { auth } = origin;
  if (auth === undefined) return ok({ url, headers: new Headers() });
  // Otherwise an editor of the catalog could have any secret sent to their own server. Redirects stay on the host.
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
  // One derived key per day, region and secret. Without a limit, a long-lived isolate would collect them.
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
 * The URL with its path in S3's signed spelling: decoded once, then all bytes escaped except unreserved ones and
 * slashes. The signed path is then the requested one and names the same key: S3 reads a bare `+` as a space.
 */
function withSignedPath(url: string): string {
  const mark = url.indexOf("?");
  const end = mark < 0 ? url.length : mark;
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const path = url.slice(start, end);
  return url.slice(0, start) + (spelledForS3(path) ?? path.replaceAll("+", "%2B")) + url.slice(end);
}

/** Undefined if the path is not UTF-8, as S3 keys are. */
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
