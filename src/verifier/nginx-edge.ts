import type { EdgeBuffer, EdgeCrypto } from "./edge-primitives.ts";
import { edgeVerifier } from "./edge-verifier.ts";
import { longestQuery } from "./signed-target.ts";
import type { Verdict, VerifierSettings } from "./verifier-types.ts";

/** The request object of njs, as far as it is used: https://nginx.org/en/docs/njs/reference.html#http */
export interface NginxRequest {
  readonly method: string;
  readonly remoteAddress: string;
  readonly headersIn: { readonly [name: string]: string | undefined };
  readonly headersOut: { [name: string]: string };
  readonly variables: { [name: string]: string | undefined };
  status: number;
  return(status: number, body: string): void;
  sendHeader(): void;
  finish(): void;
  internalRedirect(location: string): void;
}

/** A refusal's response: its status, headers and problem document. */
export interface NginxProblem {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export interface NginxOptions {
  readonly settings: Pick<VerifierSettings, "issuer" | "keys" | "renewal">;
  /** Whether plain HTTP is refused. */
  readonly secure: boolean;
  /** By code. A function, because nginx evaluates a module for each request. */
  readonly problems: () => { readonly [code: string]: NginxProblem };
  /** The names of an origin's headers that viewers get, in lower case. */
  readonly originHeaders: () => readonly string[];
  /** The headers of every response that nginx makes itself. */
  readonly headers: () => readonly (readonly [name: string, value: string])[];
}

/** What nginx does with a request, in the variable `$stagedoor_verdict`. */
type Route = "serve" | "renew" | "refuse" | "node";

export interface NginxHandlers {
  /** For js_set. `serve`: the session's admission is asked first. `node`: the service answers. */
  readonly verdict: (r: NginxRequest) => Route;
  /** For js_content, in the locations that `verdict` and error_page choose. */
  readonly refuse: (r: NginxRequest) => void;
  readonly renew: (r: NginxRequest) => void;
  readonly failed: (r: NginxRequest) => void;
  readonly range: (r: NginxRequest) => void;
  readonly unreadable: (r: NginxRequest) => void;
  readonly method: (r: NginxRequest) => void;
  readonly unavailable: (r: NginxRequest) => void;
  /** For js_header_filter: removes all headers of an origin except those that the other edges pass on. */
  readonly originHeaders: (r: NginxRequest) => void;
}

/**
 * The handlers of nginx (njs 0.7.9 or later) as an edge: the only export of the script that it runs. They decide by the bytes of
 * the request line, and what nginx then serves comes from the verifier's verdict, never from `$uri`, which nginx has
 * decoded and merged.
 *
 * The catalog changes while nginx runs, so its handlers do not know it. Whether an asset's segments are bound to the session
 * decides under which key the signature is valid; the service, which knows, refuses the other at the admission.
 */
export function nginxEdge(options: NginxOptions, crypto: EdgeCrypto, buffer: EdgeBuffer): NginxHandlers {
  const settings = options.settings;
  const verify = edgeVerifier(settings, crypto, buffer);

  const verdict = (r: NginxRequest): Route => {
    const variables = r.variables;
    const target = variables.request_uri || "";
    const refused = (code: string): Route => {
      variables.stagedoor_code = code;
      return "refuse";
    };
    if (options.secure && variables.scheme !== "https") return refused("https_required");
    if (r.method === "OPTIONS" || target === "/health" || target === "/ready") return "node";
    if (r.method !== "GET" && r.method !== "HEAD") return refused("method_not_covered");
    if (target.length - `${target}?`.indexOf("?") > longestQuery + 1) return "node";
    const client = { address: r.remoteAddress, userAgent: r.headersIn["User-Agent"] || "" };
    const now = Math.floor(Date.now() / 1000);
    let binding: "shared" | "session" = "shared";
    let checked: Verdict = verify(target, client, now);
    if (checked.status === "refused" && checked.code === "signature_invalid") {
      binding = "session";
      const assets: { [id: string]: "session" } = {};
      assets[String(target.split("/")[2])] = "session";
      const bound = { issuer: settings.issuer, keys: settings.keys, renewal: settings.renewal, assets };
      checked = edgeVerifier(bound, crypto, buffer)(target, client, now);
    }
    if (checked.status === "refused") {
      // CloudFront's own signatures are the service's to check, and so is a User-Agent that has two spellings here.
      const isForeign = /[?&]Key-Pair-Id=/.test(target);
      const isUnclear = checked.code === "binding_mismatch" && /[^\0-\x7f]/.test(client.userAgent);
      return isForeign || isUnclear ? "node" : refused(checked.code);
    }
    // What an alias hides may have an origin's credential.
    variables.stagedoor_logged = target
      .slice(target.indexOf("/", 1), `${target}?`.indexOf("?"))
      .replace(/\/~\/[\w-]+/, "/~/[…]");
    const purpose = checked.purpose;
    if (checked.status === "expired" && purpose !== "file" && !checked.location) return refused("signature_expired");
    if (purpose !== "segment" && purpose !== "key") return "node";
    // The end of a grant is a half of its MAC. It names the grant, and opens nothing.
    const grant = target.slice(1, target.indexOf("/", 1)).slice(-22);
    // A renewal depends on the asset's conditions, so it has an admission of its own.
    const kind = checked.status === "expired" ? "renewal" : binding;
    variables.stagedoor_session = `${grant}/${checked.asset}/${kind}`;
    variables.stagedoor_kid = checked.grant.kid;
    if (checked.location && checked.status === "expired") {
      variables.stagedoor_location = checked.location;
      return "renew";
    }
    const name = fileName(checked.path);
    if (name === undefined) return "node";
    variables.stagedoor_file = name;
    variables.stagedoor_path = checked.path + (checked.query && `?${checked.query}`);
    variables.stagedoor_caching = purpose === "key" ? "no-store" : `private, max-age=${checked.remaining}`;
    return "serve";
  };

  const setHeaders = (r: NginxRequest, headers: NginxProblem["headers"]) => {
    headers.forEach((header) => {
      r.headersOut[header[0]] = header[1];
    });
  };

  const respond = (r: NginxRequest, code: string) => {
    const problems = options.problems();
    const problem = problems[code] || problems.store_unavailable;
    if (!problem) return;
    setHeaders(r, options.headers());
    setHeaders(r, problem.headers);
    r.headersOut["Request-Id"] = r.variables.stagedoor_request || String(r.variables.request_id).slice(0, 16);
    r.return(problem.status, problem.body);
  };

  return {
    verdict,
    refuse: (r) => respond(r, r.variables.stagedoor_code || "internal_error"),
    renew: (r) => {
      setHeaders(r, options.headers());
      r.headersOut["Cache-Control"] = "no-store";
      r.headersOut.Location = r.variables.stagedoor_location || "";
      r.headersOut["Content-Length"] = "0";
      r.status = 307;
      r.sendHeader();
      r.finish();
    },
    // The admission was refused or is unknown; or it was granted, and the file is not on this disk.
    failed: (r) => {
      const variables = r.variables;
      if (variables.stagedoor_admitted !== "granted") respond(r, variables.stagedoor_refusal || "store_unavailable");
      else r.internalRedirect(variables.stagedoor_upstream ? "@stagedoor_origin" : "@stagedoor_node");
    },
    range: (r) => respond(r, "range_not_satisfiable"),
    unreadable: (r) => respond(r, "path_invalid"),
    method: (r) => respond(r, "method_not_covered"),
    unavailable: (r) => respond(r, "store_unavailable"),
    originHeaders: (r) => {
      const kept = options.originHeaders();
      Object.keys(r.headersOut).forEach((name) => {
        if (kept.indexOf(name.toLowerCase()) < 0) delete r.headersOut[name];
      });
    },
  };
}

/**
 * The name of a file on a disk for an origin's path, by the rules of `platform/node/file-origin.ts`: no name in it is empty or
 * begins with a dot. Undefined for any other path, which the service may still find.
 */
function fileName(path: string): string | undefined {
  try {
    const name = path.indexOf("%") < 0 ? path : decodeURIComponent(path);
    return /(?:^|\/)(?:[./]|$)|[\\\0]/.test(name) ? undefined : name;
  } catch (_) {
    return undefined;
  }
}
