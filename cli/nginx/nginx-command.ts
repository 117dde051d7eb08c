import { lookup } from "node:dns/promises";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { type Configuration, readConfiguration, ringFor } from "../../src/config/configuration.ts";
import { originsOf, rootsOf } from "../../src/deployment/catalog-of.ts";
import { type Deployment, type EnvironmentName, environmentNames } from "../../src/deployment/config-schema.ts";
import { addressesOf, placeholdersOf, settingsFor } from "../../src/deployment/wrangler-config.ts";
import { isPublicAddress } from "../../src/platform/node/guarded-fetch.ts";
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
import { type KeptOptions, keptOptions, optionsFile, readOptions } from "./nginx-options.ts";

export const nginxCommand: Command = {
  name: "nginx",
  summary: "write nginx's configuration, so that nginx checks signatures itself",
  operands: [],
  options: {
    out: { type: "string" },
    ...keptOptions,
  },
  help: `Writes a configuration of nginx (1.22 or later, with njs 0.7.9 or later) for the media host of stagedoor.config.json, into a
folder that only its owner can read: nginx checks each grant and signature itself, asks \`npx stagedoor serve\` once a
second and session whether the session is admitted, and serves segments from the folders and public HTTP origins of that file.
Everything else goes to the service. Run it again, and reload nginx, after a change of the keys or of stagedoor.config.json: it
remembers the other options of the folder's last run, and --resolver "" forgets one.

  --out <folder>            where to write it (nginx)
  --env <environment>       staging or production; without it: development, on localhost
  --ring <file>             the key ring (keys-<environment>.json)
  --node <host:port>        the media host of \`serve\` (127.0.0.1:8788)
  --listen <[address:]port> what nginx.conf listens on (443 with a certificate, otherwise 8080)
  --certificate <file>      the certificate of the media host and its chain, for nginx.conf
  --certificate-key <file>  its private key
  --admissions <folder>     where nginx keeps answers for a second: in memory (/run/stagedoor-admissions)
  --cache <folder>          where nginx keeps files of HTTP origins (/var/cache/stagedoor); nginx's user must reach it
  --cache-size <size>       how much of HTTP origins it keeps at most (10g)
  --resolver <address>      a name server for the hosts of HTTP origins; without it they are looked up when nginx starts
  --authorities <file>      the authorities of HTTPS origins (the machine's own)
  --refusals <nginx|node>   who refuses (nginx). With node the service gets every request that nginx would refuse, and serves those of
                            assets in observe or off (npx stagedoor assets enforcement): for a rollout
  --places <file>           sets the headers of host.placeHeaders, in which the service reads where a client is: a line
                            \`proxy_set_header <name> <variable>;\` for each. Without it nginx removes them
  --user <name>             the user of nginx's workers, for nginx.conf (www-data or nginx, if there is one)`,
  run: async (args) => {
    if (!inDeployment)
      return endMisused(
        "There is no stagedoor.config.json here or above: make a deployment's folder with `npx stagedoor init <folder> --host node`, and run this command in it.",
      );
    const read = readDeployment(projectRoot);
    if (!read.ok) return endFailed(read.refusal);
    const folder = resolve(args.value("out") ?? "nginx");
    const options = readOptions(args, folder);
    const configuration = await configurationOf(args, options, read.value);
    const { site, unlisted } = await siteOf(folder, options, read.value, configuration);
    return write(site, configuration, options, unlisted);
  },
};

function environmentOf(options: KeptOptions): EnvironmentName | undefined {
  const text = options.value("env");
  if (text === undefined) return undefined;
  return environmentNames.find((name) => name === text) ?? endInvalid("env", text, environmentNames.join(" or "));
}

/** The edge's configuration, as `serve` reads it. */
async function configurationOf(args: Args, options: KeptOptions, deployment: Deployment): Promise<Configuration> {
  const { config } = deployment;
  const environment = environmentOf(options);
  if (config.host.type !== "node")
    endFailed('host.type is workers: nginx is an edge of `npx stagedoor serve`. Set "host": {"type": "node"}.');
  if (environment !== undefined && config.environments[environment] === undefined)
    endFailed(
      `environments has no ${environment}: add {"domain": "…"} to stagedoor.config.json, or choose another with --env.`,
    );
  const unfilled = environment === undefined ? [] : placeholdersOf(deployment, environment);
  if (unfilled.length > 0) endFailed(unfilledValues(unfilled));
  const file = options.value("ring") ?? (environment && join(projectRoot, `keys-${environment}.json`));
  if (file !== undefined && existsSync(file)) checkPrivate(file, "the keys");
  const ring = file === undefined ? await readRing(args) : parseRingText(file, readText(file, "the key ring"));
  const [, port = "8788"] = /:(\d+)$/.exec(options.value("node") ?? "") ?? [];
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

async function siteOf(
  folder: string,
  options: KeptOptions,
  { config }: Deployment,
  { mediaUrl }: Configuration,
): Promise<{ readonly site: NginxSite; readonly unlisted: readonly string[] }> {
  const [file, key] = [options.value("certificate"), options.value("certificate-key")];
  if ((file === undefined) !== (key === undefined))
    endMisused("--certificate and --certificate-key belong together: give both, or neither.");
  const certificate = file === undefined || key === undefined ? undefined : { file, key };
  const roots = new Map(
    [...rootsOf(config, environmentOf(options))].map(([name, path]) => [name, resolve(projectRoot, path)]),
  );
  const { remotes, unlisted } = await remotesOf(config, environmentOf(options));
  const site = {
    folder,
    node: addressIn(options, "node", "127.0.0.1:8788", /^(.+):\d{1,5}$/, "host:port, such as 127.0.0.1:8788"),
    mediaUrl,
    listen: addressIn(
      options,
      "listen",
      certificate === undefined ? "8080" : "443",
      /^(?:(.+):)?\d{1,5}$/,
      "a port, or address:port, such as 443 or 127.0.0.1:8080",
    ),
    certificate,
    refusals: refusalsOf(options),
    admissions: options.value("admissions") ?? "/run/stagedoor-admissions",
    user: options.value("user") ?? userOf(),
    cache: options.value("cache") ?? "/var/cache/stagedoor",
    cacheSize: addressIn(options, "cache-size", "10g", /^\d{1,6}[kmg]$/, "a number with k, m or g, such as 10g"),
    roots,
    remotes,
    resolver:
      options.value("resolver") === undefined
        ? undefined
        : addressIn(options, "resolver", "", /^(.+)$/, "an address, such as 127.0.0.53"),
    ...placesOf(options, config),
    authorities: options.value("authorities") ?? authorityFiles.find((name) => existsSync(name)),
  };
  const texts = [
    site.folder,
    site.cache,
    site.admissions,
    site.user ?? "",
    site.authorities ?? "",
    site.places ?? "",
    certificate?.file ?? "",
    certificate?.key ?? "",
    ...roots.values(),
  ];
  const strange = texts.find(unquotable);
  if (strange !== undefined)
    endFailed(
      `nginx's configuration cannot contain the path ${JSON.stringify(strange)}: it has a quotation mark, a backslash, a dollar sign or a line break. Rename the folder.`,
    );
  return { site, unlisted };
}

/** A header that the file does not set would come from the client. */
function placesOf(options: KeptOptions, { host }: Deployment["config"]): Pick<NginxSite, "placeHeaders" | "places"> {
  const names = Object.values(host.type === "node" ? (host.placeHeaders ?? {}) : {});
  const placeHeaders = names.filter((name) => name !== undefined);
  const places = options.value("places");
  if (places === undefined) return { placeHeaders, places };
  const text = readText(places, "the headers of places").toLowerCase();
  const missing = placeHeaders.filter((name) => !new RegExp(`^\\s*proxy_set_header\\s+${name}\\s`, "m").test(text));
  if (missing.length > 0)
    endFailed(
      `--places ${places} sets no ${missing.join(", ")}, so clients could choose it: add a line \`proxy_set_header ${missing[0]} <variable>;\` for each of host.placeHeaders, with "" for what nginx does not know.`,
    );
  return { placeHeaders, places };
}

function refusalsOf(options: KeptOptions): NginxSite["refusals"] {
  const text = options.value("refusals") ?? "nginx";
  return text === "nginx" || text === "node" ? text : endInvalid("refusals", text, "nginx or node");
}

/**
 * The HTTP origins that nginx can read: a credential stays with the service. So do origins with a private address that
 * `host.privateOrigins` does not list, and the service refuses them.
 */
async function remotesOf(config: Deployment["config"], environment: EnvironmentName | undefined) {
  const listed = config.host.type === "node" ? config.host.privateOrigins : [];
  const remotes = new Map<string, URL>();
  const unlisted: string[] = [];
  for (const [name, origin] of Object.entries(originsOf(config, environment))) {
    if (origin.type !== "http" || origin.secret !== undefined) continue;
    const url = new URL(origin.url);
    if (listed.includes(url.host) || (await hasPublicAddress(url))) remotes.set(name, url);
    else unlisted.push(`origins.${name} (${url.host})`);
  }
  return { remotes, unlisted };
}

/** Whether all addresses of a host are public. One without an address is left to nginx, which then does not start. */
async function hasPublicAddress({ hostname }: URL): Promise<boolean> {
  const addresses = await lookup(hostname.replace(/^\[|\]$/g, ""), { all: true }).catch(() => []);
  return addresses.every(({ address }) => isPublicAddress(address));
}

/** Where Debian, Fedora and Alpine have the certificates of public authorities. */
const authorityFiles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/** The user that distributions make for nginx. nginx.org's builds have no other default than nobody. */
function userOf(): string | undefined {
  const accounts = existsSync("/etc/passwd") ? readFileSync("/etc/passwd", "utf8") : "";
  return ["www-data", "nginx"].find((name) => accounts.includes(`\n${name}:`));
}

function addressIn(
  options: KeptOptions,
  option: keyof typeof keptOptions,
  standard: string,
  form: RegExp,
  allowed: string,
): string {
  const text = options.value(option) ?? standard;
  const [, host] = form.exec(text) ?? endInvalid(option, text, allowed);
  const isHost = host === undefined || isIP(host.replace(/^\[(.*)\]$/, "$1")) > 0 || /^[a-z0-9.-]+$/i.test(host);
  return isHost ? text : endInvalid(option, text, allowed);
}

async function write(
  site: NginxSite,
  configuration: Configuration,
  { text: optionsText, remembered }: KeptOptions,
  unlisted: readonly string[],
): Promise<Outcome> {
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
    [optionsFile, optionsText],
  ] as const;
  const { folder } = site;
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkPrivate(folder, "the keys", "700");
  for (const [name] of files) checkOwn(join(folder, name));
  for (const [name, text] of files) replaceFile(join(folder, name), text);
  const file = join(folder, completeFile);
  const next = `nginx -t -c ${file}`;
  const notes = [
    ...(remembered.length > 0 ? [`As in the last run: ${remembered.map((name) => `--${name}`).join(", ")}.`] : []),
    ...unlisted.map(
      (origin) =>
        `${origin} has a private address that host.privateOrigins does not list: nginx leaves it to the service, which refuses it. If the address is meant, add the host to host.privateOrigins.`,
    ),
  ];
  return succeeded(
    `${shortName(folder)} has the configuration of ${new URL(site.mediaUrl).host}: ${files.map(([name]) => name).join(", ")}.
Only its owner can read it, because ${keysFile} has the session keys.

Next, as root:

  mkdir -p ${site.cache}
  ${next}
  nginx -c ${file} 2>&1 | npx stagedoor nginx-log >> error.log &     to start it
  ${next} && nginx -s reload -c ${file}     after each later run of this command

To use it in an nginx of your own, include ${httpFile} in its http block, and ${serverFile} in the server of the media host:
docs/deploy/nginx.md.`,
    { folder, files: files.map(([name]) => name), mediaUrl: site.mediaUrl, node: site.node, next, unlisted },
    notes.length === 0 ? undefined : notes.join("\n"),
  );
}

/** A file that this command did not write stays. */
function checkOwn(file: string): void {
  if (existsSync(file) && !readFileSync(file, "utf8").slice(0, 200).includes(firstLine))
    endFailed(`${shortName(file)} was not written by this command: move it, or choose another folder with --out.`);
}

/** In one step, because nginx may be reading the file. */
function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}
