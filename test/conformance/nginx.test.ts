import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, buildConnector, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { it } from "vitest";
import { freePort } from "../../cli/lib/ports.ts";
import { nginxMissing, startNginx } from "../cluster/nginx.ts";
import { noRedis, startRedis } from "../support/redis-server.ts";
import type { Deployment } from "./deployment.ts";
import { domain, productionIssuer, startService } from "./node-service.ts";
import { conformance } from "./suite.ts";

const hosts = { api: `api.${domain}`, media: `media.${domain}` };

/** A certificate of both hosts, made for this run. */
function makeCertificate(folder: string) {
  const [file, key] = [join(folder, "certificate.pem"), join(folder, "certificate-key.pem")];
  const names = Object.values(hosts).map((host) => `DNS:${host}`);
  const words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const subject = ["-subj", "/CN=stagedoor", "-addext", `subjectAltName=${names.join(",")}`];
  execFileSync("openssl", ["req", ...words, ...subject, "-out", file, "-keyout", key], { stdio: "ignore" });
  return { file, key, text: readFileSync(file, "utf8") };
}

/**
 * nginx as docs/deploy/nginx.md has it for an nginx of one's own: TLS in front of both hosts, behind a load balancer on this
 * machine whose X-Forwarded-For is believed.
 */
function configOf(out: string, port: number, apiPort: number, certificate: { file: string; key: string }): string {
  const server = (name: string, body: string) => `  server {
    listen 127.0.0.1:${port} ssl;
    server_name ${name};
    ssl_certificate ${certificate.file};
    ssl_certificate_key ${certificate.key};
    ${body}
  }`;
  const proxy = `location / {
      proxy_pass http://127.0.0.1:${apiPort};
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }`;
  return `load_module modules/ngx_http_js_module.so;
pid ${out}/nginx.pid;
error_log ${out}/error.log warn;
events {}
http {
  access_log off;
  client_body_temp_path ${out}/bodies;
  proxy_temp_path ${out}/proxied;
  set_real_ip_from 127.0.0.1;
  real_ip_header X-Forwarded-For;
  include ${out}/stagedoor-http.conf;
${server(hosts.media, `access_log ${out}/access.log stagedoor;\n    include ${out}/stagedoor-server.conf;`)}
${server(hosts.api, proxy)}
}
`;
}

/** Leads requests to the hosts of production to nginx on this machine. Returns the end of that. */
function route(port: number, ca: string): () => void {
  const before = getGlobalDispatcher();
  const [toNginx, elsewhere] = [buildConnector({ ca }), buildConnector({})];
  const isHost = (name: string) => Object.values(hosts).includes(name);
  setGlobalDispatcher(
    new Agent({
      connect: (options, callback) =>
        isHost(options.hostname)
          ? toNginx({ ...options, hostname: "127.0.0.1", port: `${port}`, servername: options.hostname }, callback)
          : elsewhere(options, callback),
    }),
  );
  return () => setGlobalDispatcher(before);
}

async function startAll(): Promise<Deployment> {
  const redis = await startRedis();
  const service = await startService({ environment: "production", host: { redis: { url: redis.url } } });
  const { folder, ports } = service;
  const port = await freePort();
  const certificate = makeCertificate(folder);
  const nginx = await startNginx(folder, {
    ...{ port, mediaPort: ports.media, words: ["--env", "production"] },
    configuration: (out) => configOf(out, port, ports.api, certificate),
    // Its other users cannot read the folder.
    globals: process.getuid?.() === 0 ? "user root;" : "",
  });
  const endRoute = route(port, certificate.text);
  return {
    apiUrl: `https://${hosts.api}`,
    mediaUrl: `https://${hosts.media}`,
    addressHeader: "X-Forwarded-For",
    issuer: productionIssuer,
    connection: { port, ca: certificate.text },
    get keys() {
      return service.keys;
    },
    // The error log has request lines: `npx stagedoor nginx-log` redacts it.
    log: () => [...service.lines(), nginx.logs().access].join("\n"),
    async deploy(keys) {
      await service.reload(keys);
      await nginx.reload();
    },
    async stop() {
      endRoute();
      await nginx.stop();
      await service.stop();
      await redis.remove();
    },
  };
}

const noCertificate =
  spawnSync("openssl", ["version"]).status === 0 ? undefined : "openssl is not installed (apt-get install openssl)";
const missing = nginxMissing ?? noRedis ?? noCertificate;
if (missing === undefined) conformance("nginx, Node and Redis", startAll);
else it("nginx, Node and Redis pass the suite of every deployment", ({ skip }) => skip(missing));
