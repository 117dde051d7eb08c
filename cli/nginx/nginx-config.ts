import { admissionHeader, originHeader } from "../../src/edge/answer-admission.ts";
import { refusalHeader } from "../../src/http/problem-response.ts";
import { contentTypes } from "../../src/origin/file-response.ts";
import { edgeHeaders, moduleFile } from "./nginx-module.ts";

/** What the configuration is made for. Every text was checked by {@link unquotable}. */
export interface NginxSite {
  /** The folder of the generated files. */
  readonly folder: string;
  /** `host:port` of the service's media host. */
  readonly node: string;
  readonly mediaUrl: string;
  /** What nginx listens on: `8080`, `127.0.0.1:8080`. */
  readonly listen: string;
  readonly certificate: { readonly file: string; readonly key: string } | undefined;
  /** The folder of nginx's cache of files. */
  readonly cache: string;
  /** The folder of the answers about admissions, in memory. */
  readonly admissions: string;
  /** The user of nginx's workers; without it the one that nginx was built with. */
  readonly user: string | undefined;
  /** Size of the cache of files from HTTP origins, as nginx writes it: `10g`. */
  readonly cacheSize: string;
  /** The folders that assets may be in, by the name of their origin. */
  readonly roots: ReadonlyMap<string, string>;
  /** The HTTP origins that need no credential, by name: an asset's files are below one of these URLs. */
  readonly remotes: ReadonlyMap<string, URL>;
  /** The name server for the hosts of HTTP origins; without it they are resolved once, when nginx starts. */
  readonly resolver: string | undefined;
  /** The names of the headers in `host.placeHeaders`. */
  readonly placeHeaders: readonly string[];
  /** A file with a directive `proxy_set_header` for each of them; without it nginx removes them from every request. */
  readonly places: string | undefined;
  /** The certificates of the authorities that HTTPS origins are verified with. */
  readonly authorities: string | undefined;
  /** Who answers what is refused: nginx, or the service, which knows the assets that are not enforced. */
  readonly refusals: "nginx" | "node";
}

/** The files that are written: for the http context, for a server, and a complete configuration to try. */
export const httpFile = "stagedoor-http.conf";
export const serverFile = "stagedoor-server.conf";
export const completeFile = "nginx.conf";

/** The first line of every generated file, after the sign of a comment. */
export const firstLine = "Written by npx stagedoor nginx: run that again instead of changing this file.";
const written = `# ${firstLine}`;

/** Whether a text cannot be written into nginx's configuration. It has no way to escape a dollar sign. */
export function unquotable(text: string): boolean {
  return /["\\$\r\n\t]/.test(text);
}

/** Variables that the module sets. */
const moduleVariables = ["code", "session", "kid", "location", "file", "path", "caching", "logged"];

/** The http context: variables, the admission's cache, the service and the log format. */
export function httpConfig(site: NginxSite): string {
  const { folder, node, admissions, roots } = site;
  const rootMap = [...roots].map(([name, path]) => `    "~^file:${name}:" "${path}";`);
  const folderMap = [...roots].map(
    ([name, path]) => `    "~^file:${name}:(?<stagedoor_below>.*)$" "${path}/$stagedoor_below";`,
  );
  return `${written}
js_path "${folder}";
js_import stagedoor from ${moduleFile};
js_set $stagedoor_verdict stagedoor.verdict;
js_set $stagedoor_secret stagedoor.secret;
${moduleVariables.map((name) => `js_var $stagedoor_${name};`).join("\n")}

# Where the files of an asset are, by the service's answer about the admission. /dev/null/ has no files.
map $stagedoor_place $stagedoor_root {
    default "/dev/null";
${rootMap.join("\n")}
}
map $stagedoor_place $stagedoor_folder {
    default "/dev/null/";
${folderMap.join("\n")}
}

${remoteMaps(site)}

upstream stagedoor_node {
    server ${node};
    keepalive 64;
}

# The answers about admissions, for a second each. In memory, so that a full disk does not refuse requests.
proxy_cache_path "${admissions}" levels=1 keys_zone=stagedoor_admissions:16m inactive=2s max_size=64m use_temp_path=off;

# Neither a grant nor a signature: the path is the one below the grant, and only of an authentic URL.
log_format stagedoor escape=json '{"time":"$time_iso8601","address":"$remote_addr","method":"$request_method",'
    '"path":"$stagedoor_logged","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"verdict":"$stagedoor_verdict","code":"$sent_http_stagedoor_refusal","request":"$sent_http_request_id"}';
`;
}

/** With less free space than this, nginx removes the oldest files of its cache. */
const leastFree = "256m";

/**
 * Where nginx gets the files of HTTP origins. Only hosts of stagedoor.config.json are in it, so an asset cannot lead nginx to
 * services of the operator's network.
 */
function remoteMaps({ remotes, resolver, cache, cacheSize, authorities }: NginxSite): string {
  const pattern = ({ href }: URL) => `~^http:${href.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}`;
  const hostOf = ({ host, port, protocol }: URL) =>
    port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
  const addressed = [...remotes].map(([name, url]) => {
    const host = resolver === undefined ? `stagedoor_origin_${name.replaceAll("-", "_")}` : hostOf(url);
    return { name, url, address: `${url.protocol}//${host}${url.pathname}` };
  });
  const upstreams = addressed
    .filter(() => resolver === undefined)
    .map(
      ({ name, url }) =>
        `upstream stagedoor_origin_${name.replaceAll("-", "_")} {\n    server ${hostOf(url)};\n    keepalive 32;\n}\n`,
    );
  return `# HTTP origins of stagedoor.config.json without a credential.
map $stagedoor_place $stagedoor_upstream {
    default "";
${addressed.map(({ url, address }) => `    "${pattern(url)}(?<stagedoor_rest>.*)$" "${address}$stagedoor_rest";`).join("\n")}
}
map $stagedoor_place $stagedoor_host {
    default "";
${addressed.map(({ url }) => `    "${pattern(url)}" "${url.host}";`).join("\n")}
}
map $stagedoor_place $stagedoor_name {
    default "";
${addressed.map(({ url }) => `    "${pattern(url)}" "${url.hostname}";`).join("\n")}
}
# Keys are never cached. A viewer's copy expires with the signature, unless the origin allows less.
map $stagedoor_caching $stagedoor_uncached {
    default 0;
    no-store 1;
}
map $upstream_http_cache_control $stagedoor_own_caching {
    default $stagedoor_caching;
    ~*no-store no-store;
    ~*no-cache "private, no-cache";
}
${resolver === undefined ? upstreams.join("") : `resolver ${resolver} valid=30s;\n`}${
  authorities === undefined ? "" : `proxy_ssl_trusted_certificate "${authorities}";\n`
}proxy_cache_path "${cache}/files" levels=1:2 keys_zone=stagedoor_files:16m inactive=7d max_size=${cacheSize} min_free=${leastFree} use_temp_path=off;`;
}

/** A server of the media host: the check of every request, and what it leads to. */
export function serverConfig(site: NginxSite): string {
  const { mediaUrl, refusals } = site;
  const toService = refusals === "node";
  // Also a session that is not admitted.
  const admissions = toService ? "\n    error_page 401 403 = @stagedoor_node;" : "";
  const failures = toService ? "" : " 401 403";
  const headers = edgeHeaders(mediaUrl)
    .map(([name, value]) => `    add_header ${name} "${value}" always;`)
    .join("\n");
  const types = Object.entries(Object.groupBy(contentTypes, ([, type]) => type))
    .map(([type, entries = []]) => `        "${type}" ${entries.map(([extension]) => extension).join(" ")};`)
    .join("\n");
  return `${written}
recursive_error_pages on;
log_not_found off;
server_tokens off;
# Requests that nginx refuses before it looks for a location.
error_page 400 414 494 = /.stagedoor-unreadable;
error_page 405 = @stagedoor_method;

location ~ ^/ {
    if ($stagedoor_verdict = refuse) { return 420; }
    if ($stagedoor_verdict = node) { return 418; }
    if ($stagedoor_verdict = renew) { return 419; }
    error_page 418 = @stagedoor_node;
    error_page 419 = @stagedoor_renew;
    error_page 420 = ${toService ? "@stagedoor_node" : "@stagedoor_refuse"};${admissions}

    auth_request stagedoor-admission;
    auth_request_set $stagedoor_admitted $upstream_http_${variableOf(admissionHeader)};
    auth_request_set $stagedoor_refusal $upstream_http_${variableOf(refusalHeader)};
    auth_request_set $stagedoor_request $upstream_http_request_id;
    auth_request_set $stagedoor_place $upstream_http_${variableOf(originHeader)};
    # 301: the name is of a folder, which is no file.
    error_page 301${failures} 404 500 502 503 504 = @stagedoor_failed;
    error_page 416 = @stagedoor_range;

    # The file of the verdict. No symbolic link below the root is followed; the service follows those that stay in it.
    alias "$stagedoor_folder$stagedoor_file";
    disable_symlinks on from=$stagedoor_root;
    max_ranges 1;
    types {
${types}
    }
    default_type application/octet-stream;
    add_header Cache-Control $stagedoor_caching;
${headers}
}

# No client can name this location: the paths of clients begin with a slash.
location = stagedoor-admission {
    internal;
    proxy_pass http://stagedoor_node$request_uri;
    proxy_method GET;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header Range "";
    proxy_set_header ${admissionHeader} $stagedoor_secret;
${toNode(site)}
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;
    proxy_cache stagedoor_admissions;
    # nginx counts whole seconds, so that an answer that is valid for a second could be used for almost two. With the second in
    # the key it is used until the second is over.
    proxy_cache_key "$stagedoor_session $remote_addr $time_iso8601";
    proxy_cache_valid 200 403 1s;
    proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;
    proxy_cache_lock on;
    proxy_cache_lock_timeout 5s;
}

location @stagedoor_renew {
    auth_request stagedoor-admission;
    auth_request_set $stagedoor_admitted $upstream_http_${variableOf(admissionHeader)};
    auth_request_set $stagedoor_refusal $upstream_http_${variableOf(refusalHeader)};
    auth_request_set $stagedoor_request $upstream_http_request_id;
    error_page${failures} 500 502 503 504 = @stagedoor_failed;${admissions}
    js_content stagedoor.renew;
}

# Playlists, files that no playlist names, and what nginx does not have.
location @stagedoor_node {
    proxy_pass http://stagedoor_node$request_uri;
    proxy_set_header ${admissionHeader} "";
${toNode(site)}
    proxy_connect_timeout 2s;
    proxy_read_timeout 75s;
    proxy_buffering on;
    proxy_max_temp_file_size 0;
    error_page 502 504 = @stagedoor_unavailable;
}

# A file of an HTTP origin, by the verifier's path. Whatever is not the file itself is left to the service.
location @stagedoor_origin {
    proxy_pass $stagedoor_upstream$stagedoor_path;
    proxy_http_version 1.1;
    proxy_pass_request_headers off;
    proxy_pass_request_body off;
    proxy_set_header Connection "";
    proxy_set_header Host $stagedoor_host;
    proxy_set_header Accept-Encoding identity;
    proxy_ssl_server_name on;
    proxy_ssl_name $stagedoor_name;
    proxy_ssl_verify on;
    proxy_ssl_verify_depth 5;
    proxy_connect_timeout 5s;
    proxy_read_timeout 10s;
    proxy_cache stagedoor_files;
    proxy_cache_key "$stagedoor_place$stagedoor_path";
    proxy_cache_valid 200 1m;
    proxy_cache_revalidate on;
    proxy_cache_lock on;
    proxy_cache_bypass $stagedoor_uncached;
    proxy_no_cache $stagedoor_uncached;
    proxy_force_ranges on;
    max_ranges 1;
    proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset Set-Cookie;
    proxy_intercept_errors on;
    error_page ${foreignStatuses.join(" ")} = @stagedoor_node;
    error_page 416 = @stagedoor_range;
    js_header_filter stagedoor.originHeaders;
    add_header Cache-Control $stagedoor_own_caching;
${headers}
}

location @stagedoor_refuse { js_content stagedoor.refuse; }
location @stagedoor_failed { js_content stagedoor.failed; }
location @stagedoor_range { js_content stagedoor.range; }
location @stagedoor_method { js_content stagedoor.method; }
# A request without a path has no named location. A client that asks for this one gets the same answer.
location = /.stagedoor-unreadable { js_content stagedoor.unreadable; }
location @stagedoor_unavailable { js_content stagedoor.unavailable; }
`;
}

/** The service asks the origin again, follows its redirects and answers its failures. */
const foreignStatuses = [
  ...[300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415],
  ...[421, 422, 423, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 508, 511],
];

/** The client's address and scheme come from nginx alone. */
function toNode({ placeHeaders, places }: NginxSite): string {
  return `    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;${places === undefined ? clearing(placeHeaders) : `\n    include "${places}";`}`;
}

/** The service believes nginx, so nginx must not pass on where a client says that it is. */
function clearing(names: readonly string[]): string {
  return names.map((name) => `\n    proxy_set_header ${name} "";`).join("");
}

/** `stagedoor_refusal` for Stagedoor-Refusal, as nginx names the variables of headers. */
function variableOf(header: string): string {
  return header.toLowerCase().replaceAll("-", "_");
}

/** A complete configuration of nginx that uses the other two. */
export function completeConfig({ folder, mediaUrl, listen, certificate, cache, user }: NginxSite): string {
  const name = new URL(mediaUrl).hostname;
  const tls =
    certificate === undefined
      ? ""
      : `
        ssl_certificate "${certificate.file}";
        ssl_certificate_key "${certificate.key}";
        ssl_protocols TLSv1.2 TLSv1.3;`;
  return `${written}
load_module modules/ngx_http_js_module.so;${user === undefined ? "" : `\nuser ${user};`}
worker_processes auto;
pid "${folder}/nginx.pid";
# It has grants and signatures: send it through \`npx stagedoor nginx-log\`.
error_log stderr warn;
events { worker_connections 4096; }

http {
    include "${folder}/${httpFile}";
    access_log "${folder}/access.log" stagedoor buffer=64k flush=1s;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 10000;
    client_body_temp_path "${cache}/bodies";
    proxy_temp_path "${cache}/proxied";

    server {
        listen ${listen}${certificate === undefined ? "" : " ssl http2"};
        server_name ${name};${tls}
        include "${folder}/${serverFile}";
    }
}
`;
}
