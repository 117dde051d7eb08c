import { readFileSync } from "node:fs";
import { parseArgs, parseEnv } from "node:util";
import { ok, type Result, refuse } from "../../src/base/result.ts";
import { readOriginSecrets } from "../../src/catalog/origin-secrets.ts";
import { CommandEnded, endInvalid, endMisused, parseFailure, shownWord } from "../lib/command.ts";
import { parseJson, reasonOf, shortName } from "../lib/files.ts";
import { shownName } from "../lib/secrets-file.ts";

export const startUsage = `npm start -- [options]

Starts Stagedoor on this machine: the API, the media host and a demo page, with fixture streams to play, and an origin with
live streams that are cut from them.

  --issuers <file>          issuers whose tokens are accepted, as in STAGEDOOR_ISSUERS, in addition to the development issuer
  --catalog <file>          your catalog, in addition to the fixture streams
  --secrets <file>          secrets of your origins, a line NAME=value each; STAGEDOOR_ORIGIN_SECRETS says where each may be sent
  --entitlement-url <url>   your service that decides about each start, as in STAGEDOOR_ENTITLEMENT_URL
  --port <number>           the API and the demo page (8787)
  --media-port <number>     the media host (8788)
  --live-port <number>      the origin of the live streams (8789)
  --cdn-port <number>       the emulated CloudFront distribution (8791)
  --state <folder>          keeps files, catalog, accounts and sessions there (.wrangler/state, shared with wrangler's commands)

Every setting of docs/reference/configuration.md can be an environment variable, for example STAGEDOOR_SESSION_TTL=60 npm start.
Assets that you add with \`npx stagedoor assets add\` are there again after a restart.`;

export interface StartOptions {
  readonly port: number;
  readonly mediaPort: number;
  readonly livePort: number;
  /** Of the emulated CloudFront distribution. */
  readonly cdnPort: number;
  /** The folder of `--state`. */
  readonly state: string | undefined;
  /** STAGEDOOR_* variables, those of the options included. STAGEDOOR_ISSUERS is left out: see `issuers`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Members of STAGEDOOR_ISSUERS in addition to the development issuer; not validated. */
  readonly issuers: readonly unknown[];
  /** Assets of `--catalog`; not validated. */
  readonly assets: readonly unknown[];
  /** Secrets of origins by variable. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Settings in the environment that have no effect here, each with the reason. */
  readonly notes: readonly string[];
}

/** What the command line asks for; otherwise the message of the first error. */
export type StartRequest = Result<StartOptions | "help", string>;

/** Settings that a local start decides itself. */
const decided: Readonly<Record<string, string>> = {
  STAGEDOOR_ENV: "it is development here",
  STAGEDOOR_KEYS: "development keys are made in .stagedoor/keys.json",
  STAGEDOOR_MEDIA_URL: "--media-port sets it",
  STAGEDOOR_API_URL: "--port sets it",
  STAGEDOOR_IDENTITY_SECRET: "development has its own in .stagedoor/identity-secret",
};

/** For tests: the browser. */
const noSetting = "STAGEDOOR_CHROME";

const text = { type: "string" } as const;
const argumentOptions = {
  port: text,
  "media-port": text,
  "live-port": text,
  "cdn-port": text,
  state: text,
  issuers: text,
  catalog: text,
  secrets: text,
  "entitlement-url": text,
  help: { type: "boolean" },
} as const;

/**
 * Reads the arguments and the environment of `npm start`. Values of settings are checked later, by the workers' own schemas.
 *
 * @example readStartOptions(["--catalog", "my.json"], process.env);
 */
export function readStartOptions(args: readonly string[], environment: NodeJS.ProcessEnv): StartRequest {
  try {
    const { values } = parseArgs({ args: [...args], options: argumentOptions });
    if (values.help === true) return ok("help");
    return ok(optionsOf(values, environment));
  } catch (error) {
    if (error instanceof CommandEnded) return refuse(error.message);
    return refuse(`${parseFailure(error, Object.keys(argumentOptions))}\n\n${startUsage}`);
  }
}

function optionsOf(
  values: Readonly<Partial<Record<Exclude<keyof typeof argumentOptions, "help">, string>>>,
  environment: NodeJS.ProcessEnv,
): StartOptions {
  const port = portNumber("port", values.port ?? "8787");
  const mediaPort = portNumber("media-port", values["media-port"] ?? "8788");
  const livePort = portNumber("live-port", values["live-port"] ?? "8789");
  const cdnPort = portNumber("cdn-port", values["cdn-port"] ?? "8791");
  if (new Set([port, mediaPort, livePort, cdnPort]).size < 4)
    endMisused("--port, --media-port, --live-port and --cdn-port must be four different ports.");
  const variables = new Map(
    Object.entries(environment).flatMap(([name, value]) =>
      name.startsWith("STAGEDOOR_") && name !== noSetting && value !== undefined ? [[name, value] as const] : [],
    ),
  );
  const notes: string[] = [];
  for (const [name, reason] of Object.entries(decided))
    if (variables.delete(name)) notes.push(`${name} of the environment is not used: ${reason}.`);
  const issuers = listOf(textOf("--issuers", values.issuers, "STAGEDOOR_ISSUERS", variables), "issuers");
  variables.delete("STAGEDOOR_ISSUERS");
  if (values["entitlement-url"] !== undefined) {
    if (variables.has("STAGEDOOR_ENTITLEMENT_URL"))
      endMisused(bothGiven("--entitlement-url", "STAGEDOOR_ENTITLEMENT_URL"));
    variables.set("STAGEDOOR_ENTITLEMENT_URL", values["entitlement-url"]);
  }
  const settings = Object.fromEntries(variables);
  const secrets = secretsOf(values.secrets, settings, environment);
  const assets = assetsOf(values.catalog);
  return { port, mediaPort, livePort, cdnPort, state: values.state, settings, issuers, assets, secrets, notes };
}

function portNumber(option: string, digits: string): number {
  const number = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  return number >= 1 && number <= 65535 ? number : endInvalid(option, digits, "a port number from 1 to 65535");
}

function bothGiven(option: string, variable: string): string {
  return `Give one of ${option} and ${variable}: both are set.`;
}

interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** The text of an option's file, or of the variable that has the same content. */
function textOf(
  option: string,
  file: string | undefined,
  variable: string,
  variables: ReadonlyMap<string, string>,
): NamedText | undefined {
  const value = variables.get(variable);
  if (file === undefined) return value === undefined ? undefined : { name: variable, text: value };
  if (value !== undefined) endMisused(bothGiven(option, variable));
  return { name: file, text: fileText(option, file) };
}

function fileText(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return endMisused(`${option} ${shortName(file)}: ${reasonOf(error)}.`);
  }
}

function listOf(source: NamedText | undefined, content: string): readonly unknown[] {
  if (source === undefined) return [];
  const list = parseJson(source.text);
  return Array.isArray(list)
    ? list
    : endMisused(
        `${source.name} must be a JSON list of ${content}, such as docs/reference/configuration.md describes.`,
      );
}

function assetsOf(file: string | undefined): readonly unknown[] {
  if (file === undefined) return [];
  const catalog: unknown = parseJson(fileText("--catalog", file));
  const { version, assets, ...others }: Readonly<Record<string, unknown>> = Object(catalog);
  const form = `${file} must be a catalog: {"version": 1, "assets": [{"id": "film", "origin": …, "entry": "index.m3u8"}]}`;
  if (!Array.isArray(assets)) return endMisused(`${form}.`);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return endMisused(`${form}. It has another member, ${shownWord(unknown)}.`);
  return version === 1 ? assets : endMisused(`${form}. Its version must be 1.`);
}

/** The values of the secrets that STAGEDOOR_ORIGIN_SECRETS names: from the file, otherwise from the environment. */
function secretsOf(
  file: string | undefined,
  { STAGEDOOR_ORIGIN_SECRETS: bindings }: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): Readonly<Record<string, string>> {
  const secrets = new Map<string, string>();
  const bound = Object.entries(readOriginSecrets(bindings));
  const names = bound.flatMap(([name, use]) => (use.use === "sigv4" ? [name, use.accessKeyId] : [name]));
  for (const name of names) if (environment[name] !== undefined) secrets.set(name, environment[name]);
  const read = file === undefined ? {} : parseEnv(secretsText(file));
  for (const [name, value] of Object.entries(read)) {
    const shown = shownName(name, value);
    if (name.startsWith("STAGEDOOR_"))
      endMisused(`${file}: ${shown} is a setting, not an origin's secret. Set it in the environment.`);
    if (!names.includes(name)) endMisused(`${file}: ${shown === name ? unboundSecret(name) : lineForm(shown)}`);
    if (value !== undefined) secrets.set(name, value);
  }
  const missing = names.find((name) => !secrets.has(name));
  if (missing !== undefined)
    endMisused(
      `STAGEDOOR_ORIGIN_SECRETS names ${missing}, which has no value: put ${missing}=… into a file and add --secrets <file>.`,
    );
  return Object.fromEntries(secrets);
}

/** Node ignores lines without a name, so a file with only a secret would be ignored. */
function secretsText(file: string): string {
  const text = fileText("--secrets", file);
  const lines = text.split("\n").filter((line) => /^\s*[^\s#]/.test(line));
  return lines.length === 0 || lines.some((line) => line.includes("="))
    ? text
    : endMisused(`${file}: ${lineForm("no line with a name")}`);
}

function lineForm(found: string): string {
  return `it has ${found}. Write a line NAME=value for each secret, with the names in STAGEDOOR_ORIGIN_SECRETS.`;
}

function unboundSecret(name: string): string {
  return `${name} would be sent nowhere, because STAGEDOOR_ORIGIN_SECRETS does not name it. For a secret header:
  export STAGEDOOR_ORIGIN_SECRETS='{"${name}": {"use": "header", "header": "X-Secret", "hosts": ["origin.example.com"]}}'`;
}
