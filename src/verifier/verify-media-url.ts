import { isBindingMet } from "./bound-client.ts";
import { fileOfAlias } from "./origin-alias.ts";
import { beginsWith, openSealed } from "./sealed-grant.ts";
import { canonicalQuery, firstSegment, hasPrefix, isCanonical, signedEnd } from "./signed-target.ts";
import type {
  Primitives,
  Purpose,
  Verdict,
  VerifierClient,
  VerifierRefusal,
  VerifierSettings,
} from "./verifier-types.ts";

const purposes: { readonly [parameter: string]: Purpose } = {
  list: "playlist",
  seg: "segment",
  key: "key",
  file: "file",
};

/**
 * The edge check and the renewal in one portable function: it decides what `checkMediaRequest` and `renewUrl` decide for
 * the same request, in the same order, so that a refusal reveals nothing before its proof. `target` is path and query
 * from the wire; a request line is ASCII (RFC 9112 §3.2), so anything else is `path_invalid`. Methods, revocations and
 * leases are the caller's.
 *
 * Two rules are left to the core, to which edges forward these requests: whether an asset's globs allow a `file`, and
 * what a file contains.
 */
export function verifyMediaUrl(
  target: string,
  client: VerifierClient,
  now: number,
  settings: VerifierSettings,
  primitives: Primitives,
): Verdict {
  // Delimiters are looked for in a text that ends with one. An array of parts would cost more.
  const location = target.slice(0, `${target}?`.indexOf("?"));
  const parameters = target.slice(location.length + 1);
  if (!isCanonical(location) || /[^\0-\x7f]/.test(parameters)) return refused("path_invalid");
  const text = firstSegment(location);
  const path = location.slice(text.length + 1) || "/";
  const end = signedEnd(parameters);
  const start = parameters.lastIndexOf("&", end - 1) + 1;
  const parameter = end ? parameters.slice(start, parameters.indexOf("=", start)) : "";
  if (parameter === "tpl") return refused("signature_invalid");

  const opened = openSealed(text, settings.keys, now, primitives);
  if (!opened) return refused(end > 0 ? "grant_invalid" : "signature_missing");
  if (opened === "key_unknown") return refused(opened);
  const grant = opened.grant;
  if (grant.issuer !== settings.issuer) return refused("grant_invalid");
  if (now >= grant.expiresAt) return refused("grant_expired");
  if (!grant.prefixes.some((prefix) => hasPrefix(path, prefix))) return refused("path_not_covered");
  if (!isBindingMet(grant, client, primitives)) return refused("binding_mismatch");

  const purpose = purposes[parameter];
  if (!purpose) return refused("signature_missing");
  const asset = firstSegment(path);
  const binding = settings.assets ? settings.assets[asset] : "shared";
  const isShared = (purpose === "segment" || purpose === "key") && binding !== "session";
  const key = isShared
    ? primitives.decode(opened.key.shared[purpose])
    : primitives.mac(primitives.decode(opened.key.session[purpose]), text);
  const query = start ? canonicalQuery(parameters.slice(0, start - 1)) : "";
  const sign = (until: number) => primitives.mac(key, `${purpose}\n\n${path}\n${query}\n${until}`);
  const expiry = Number(parameters.slice(start + parameter.length + 1, end - 23));
  const signature = parameters.slice(end - 22, end);
  const given = primitives.decode(signature);
  if (given.toString("base64url") !== signature || !beginsWith(sign(expiry), given))
    return refused("signature_invalid");
  if ((grant.use === "files") !== (purpose === "file")) return refused("path_not_covered");
  const rest = path.slice(asset.length + 2);
  if ((binding !== "shared" && binding !== "session") || path.length < asset.length + 2)
    return refused("asset_unknown");
  const file = hasPrefix(rest, "~/") ? fileOfAlias(rest, query, primitives) : { path: rest, query };
  if (typeof file === "string") return refused(file);
  const download = purpose === "file" ? downloadIn(file.query) : undefined;
  const appended = parameters.slice(end + 1);

  let fresh: string | undefined;
  const renewal = settings.renewal;
  if (now >= expiry && purpose !== "playlist" && renewal) {
    const step = renewal.step;
    const until = Math.min(Math.ceil((now + renewal.lifetime + step) / step) * step, grant.expiresAt);
    const signed = `${query && `${query}&`}${parameter}=${until}.${sign(until).toString("base64url", 0, 16)}`;
    // "./" keeps a file name with a colon from being read as a scheme (RFC 3986 §4.2).
    fresh = `./${path.slice(path.lastIndexOf("/") + 1)}?${signed}${appended && `&${canonicalQuery(appended)}`}`;
  }
  return {
    status: now < expiry ? "granted" : "expired",
    grant,
    purpose,
    asset,
    path: file.path,
    query: download === undefined ? file.query : "",
    download,
    appended,
    remaining: Math.min(expiry, grant.expiresAt) - now,
    location: fresh,
  };
}

/** The name in the query of a `file` URL; see `signing/download-name.ts`. */
function downloadIn(query: string): string | undefined {
  if (hasPrefix(query, "download=") && query.indexOf("&") < 0)
    try {
      return decodeURIComponent(query.slice(9));
    } catch (_) {
      return undefined;
    }
  return undefined;
}

function refused(code: VerifierRefusal): Verdict {
  return { status: "refused", code };
}
