import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { type Configuration, readConfiguration, ringFor } from "../../src/config/configuration.ts";
import { originsOf, rootsOf } from "../../src/deployment/catalog-of.ts";
import { type Deployment, type EnvironmentName, environmentNames } from "../../src/deployment/config-schema.ts";
import { addressesOf, placeholdersOf, settingsFor } from "../../src/deployment/wrangler-config.ts";
import { type Args, type Command, endFailed, endInvalid, endMisused, type Outcome, succeeded } from "../lib/command.ts";
import { readDeployment, unfilledValues } from "../lib/deployment-folder.ts";
import { addressesAt } from "../lib/dev-environment.ts";
import { checkPrivate, parseRingText, readRing, readText, shortName } from "../lib/files.ts";
import { inDeployment, projectRoot } from "../lib/project.ts";
import {
  completeConfig,
  completeFile,
  firstLine,
  httpConfig,
  httpFile,
  type NginxSite,
  serverConfig,
  serverFile,
  unquotable,
} from "./nginx-config.ts";
import { edgeKeys, edgeModule, keysFile, moduleFile } from "./nginx-module.ts";

export const nginxCommand: Command = {
  name: "nginx",
  summary: "write nginx's configuration, so that nginx checks signatures itself",
  operands: [],
  options: {
    out: { type: "string" },
    env: { type: "string" },
    ring: { type: "string" },
    node: { type: "string" },
    listen: { type: "string" },
    certificate: { type: "string" },
    "certificate-key": { type: "string" },
    cache: { type: "string" },
    "cache-size": { type: "string" },
    resolver: { type: "string" },
    authorities: { type: "string" },
  },
  help: `Writes a configuration of nginx (1.22 or later, with njs 0.7.9 or later) for the media host of stagedoor.config.json, into a
folder that only its owner can read: nginx checks each grant and signature itself, asks \`npx stagedoor serve\` once a
second and session whether the session is admitted, and serves segments from the folders and public HTTP origins of that file.
Everything else goes to the service. Run it again, and reload nginx, after a change of the keys or of stagedoor.config.json.

  --out <folder>            where to write it (nginx)
  --env <environment>       staging or production; without it: development, on localhost
  --ring <file>             the key ring (keys-<environment>.json)
  --node <host:port>        the media host of \`serve\` (127.0.0.1:8788)
  --listen <[address:]port> what nginx.conf listens on (443 with a certificate, otherwise 8080)
  --certificate <file>      the certificate of the media host and its chain, for nginx.conf
  --certificate-key <file>  its private key
  --cache <folder>          where nginx keeps answers and files (/var/cache/stagedoor); nginx's user must reach it
  --cache-size <size>       how much of HTTP origins it keeps at most (10g)
  --resolver <address>      a name server for the hosts of HTTP origins; without it they are looked up when nginx starts
  --authorities <file>      the authorities of HTTPS origins (the machine's own)`,
  run: async (args) => {
    if (!inDeployment)
      return endMisused(
        "There is no stagedoor.config.json here or above: make a deployment's folder with `npx stagedoor init <folder> --host node`, and run this command in it.",
      );
    const read = readDeployment(projectRoot);
    if (!read.ok) return endFailed(read.refusal);
    const configuration = await configurationOf(args, read.value);
    return write(siteOf(args, read.value, configuration), configuration);
  },
};

function environmentOf(args: Args): EnvironmentName | undefined {
  const text = args.value("env");
  if (text === undefined) return undefined;
  return environmentNames.find((name) => name === text) ?? endInvalid("env", text, environmentNames.join(" or "));
}

/** The edge's configuration, as `serve` reads it. */
async function configurationOf(args: Args, deployment: Deployment): Promise<Configuration> {
  const { config } = deployment;
  const environment = environmentOf(args);
  if (config.host.type !== "node")
    endFailed('host.type is workers: nginx is an edge of `npx stagedoor serve`. Set "host": {"type": "node"}.');
  if (environment !== undefined && config.environments[environment] === undefined)
    endFailed(
      `environments has no ${environment}: add {"domain": "…"} to stagedoor.config.json, or choose another with --env.`,
    );
  const unfilled = environment === undefined ? [] : placeholdersOf(deployment, environment);
  if (unfilled.length > 0) endFailed(unfilledValues(unfilled));
  const file = args.value("ring") ?? (environment && join(projectRoot, `keys-${environment}.json`));
  if (file !== undefined && existsSync(file)) checkPrivate(file, "the keys");
  const ring = file === undefined ? await readRing(args) : parseRingText(file, readText(file, "the key ring"));
  const [, port = "8788"] = /:(\d+)$/.exec(args.value("node") ?? "") ?? [];
  const { apiUrl, mediaUrl } =
    environment === undefined ? addressesAt({ port: 8787, mediaPort: Number(port) }) : addressesOf(config, environment);
  const configuration = readConfiguration({
    STAGEDOOR_ENV: environment ?? "development",
    STAGEDOOR_API_URL: apiUrl,
    STAGEDOOR_MEDIA_URL: mediaUrl,
    STAGEDOOR_KEYS: JSON.stringify(ringFor("edge", ring)),
    ...settingsFor("edge", config, environment),
  });
  return configuration.ok
    ? configuration.value
    : endFailed(["The configuration is invalid:", ...configuration.refusal].join("\n  "));
}

function siteOf(args: Args, { config }: Deployment, { mediaUrl }: Configuration): NginxSite {
  const [file, key] = [args.value("certificate"), args.value("certificate-key")];
  if ((file === undefined) !== (key === undefined))
    endMisused("--certificate and --certificate-key belong together: give both, or neither.");
  const certificate = file === undefined || key === undefined ? undefined : { file: resolve(file), key: resolve(key) };
  const roots = new Map(
    [...rootsOf(config, environmentOf(args))].map(([name, path]) => [name, resolve(projectRoot, path)]),
  );
  const site = {
    folder: resolve(args.value("out") ?? "nginx"),
    node: addressIn(args, "node", "127.0.0.1:8788", /^(.+):\d{1,5}$/, "host:port, such as 127.0.0.1:8788"),
    mediaUrl,
    listen: addressIn(
      args,
      "listen",
      certificate === undefined ? "8080" : "443",
      /^(?:(.+):)?\d{1,5}$/,
      "a port, or address:port, such as 443 or 127.0.0.1:8080",
    ),
    certificate,
    cache: resolve(args.value("cache") ?? "/var/cache/stagedoor"),
    cacheSize: addressIn(args, "cache-size", "10g", /^\d{1,6}[kmg]$/, "a number with k, m or g, such as 10g"),
    roots,
    remotes: remotesOf(config, environmentOf(args)),
    resolver:
      args.value("resolver") === undefined
        ? undefined
        : addressIn(args, "resolver", "", /^(.+)$/, "an address, such as 127.0.0.53"),
    authorities: authoritiesOf(args),
  };
  const texts = [
    site.folder,
    site.cache,
    site.authorities ?? "",
    certificate?.file ?? "",
    certificate?.key ?? "",
    ...roots.values(),
  ];
  const strange = texts.find(unquotable);
  if (strange !== undefined)
    endFailed(
      `nginx's configuration cannot contain the path ${JSON.stringify(strange)}: it has a quotation mark, a backslash, a dollar sign or a line break. Rename the folder.`,
    );
  return site;
}

/** The HTTP origins that nginx can read: a credential stays with the service. */
function remotesOf(config: Deployment["config"], environment: EnvironmentName | undefined): ReadonlyMap<string, URL> {
  return new Map(
    Object.entries(originsOf(config, environment)).flatMap(([name, origin]) =>
      origin.type === "http" && origin.secret === undefined ? [[name, new URL(origin.url)] as const] : [],
    ),
  );
}

/** Where Debian, Fedora and Alpine have the certificates of public authorities. */
const authorityFiles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

function authoritiesOf(args: Args): string | undefined {
  const file = args.value("authorities");
  return file === undefined ? authorityFiles.find((name) => existsSync(name)) : resolve(file);
}

function addressIn(args: Args, option: string, standard: string, form: RegExp, allowed: string): string {
  const text = args.value(option) ?? standard;
  const [, host] = form.exec(text) ?? endInvalid(option, text, allowed);
  const isHost = host === undefined || isIP(host.replace(/^\[(.*)\]$/, "$1")) > 0 || /^[a-z0-9.-]+$/i.test(host);
  return isHost ? text : endInvalid(option, text, allowed);
}

async function write(site: NginxSite, configuration: Configuration): Promise<Outcome> {
  const keys = await edgeKeys(configuration);
  if (keys === undefined)
    return endFailed(
      "The ring has no session key that signs now: run `npx stagedoor keys list`, then `npx stagedoor keys rotate`.",
    );
  const files = [
    [keysFile, `// ${firstLine}\n${keys}`],
    [moduleFile, `// ${firstLine}\n${await edgeModule(configuration)}`],
    [httpFile, httpConfig(site)],
    [serverFile, serverConfig(site)],
    [completeFile, completeConfig(site)],
  ] as const;
  const { folder } = site;
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkPrivate(folder, "the keys");
  for (const [name, text] of files) replaceFile(join(folder, name), text);
  const next = `nginx -t -c ${join(folder, completeFile)}`;
  return succeeded(
    `${shortName(folder)} has the configuration of ${new URL(site.mediaUrl).host}: ${files.map(([name]) => name).join(", ")}.
Only its owner can read it, because ${keysFile} has the session keys.

Next, as root:

  mkdir -p ${site.cache}
  ${next}
  nginx -c ${join(folder, completeFile)}               to start it
  nginx -s reload -c ${join(folder, completeFile)}     after each later run of this command

To use it in an nginx of your own, include ${httpFile} in its http block, and ${serverFile} in the server of the media host:
docs/deploy/nginx.md.`,
    { folder, files: files.map(([name]) => name), mediaUrl: site.mediaUrl, node: site.node, next },
  );
}

/** In one step, because nginx may be reading the file. A file that this command did not write stays. */
function replaceFile(file: string, text: string): void {
  if (existsSync(file) && !readFileSync(file, "utf8").slice(0, 200).includes(firstLine))
    endFailed(`${shortName(file)} was not written by this command: move it, or choose another folder with --out.`);
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}
