import { existsSync, lstatSync, mkdirSync, rmSync, type Stats, statSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { isObject } from "../../src/base/body-text.ts";
import { configFile } from "../../src/deployment/config-schema.ts";
import { placeholders } from "../../src/deployment/placeholders.ts";
import { type ConfigFault, configFaultText, readConfig } from "../../src/deployment/read-config.ts";
import { type Args, type Command, endFailed, endMisused, shownWord, succeeded } from "../lib/command.ts";
import { parseJson, readText, reasonOf } from "../lib/files.ts";
import { type Answers, answerOptions, optionOf, readAnswers, withQuestions } from "./answers.ts";
import { configText, ignoredFiles, readmeText, workflowText } from "./files-of.ts";
import { packageSpecifier, peersFor } from "./own-package.ts";

export const initCommand: Command = {
  name: "init",
  summary: "make a deployment's folder: one configuration of your own",
  operands: ["<folder>"],
  options: { ...answerOptions, force: { type: "boolean" } },
  help: `Writes a deployment's folder: package.json, stagedoor.config.json, .gitignore, a CI workflow and a README with the next commands.
On a terminal it asks for what no option answers; with --yes it uses the defaults. It replaces no file without --force, and adds to
an existing package.json or .gitignore only what is missing.

  --host <type>             what runs the service: workers (Cloudflare), or node, for npx stagedoor serve (workers)
  --domain <domain>         the domain of production, a zone of your Cloudflare account (${placeholders.domain}, to be filled in)
  --environments <list>     staging, production or both (staging,production)
  --origin <type>           where films are stored: r2, s3 or http (r2); with --host node file, s3 or http (file)
  --folder <folder>         the folder with the films, with file (films)
  --bucket <name>           the bucket, with r2 or s3
  --region <name>           the bucket's region, with s3 (eu-central-1)
  --endpoint <url>          the address of an S3 store that is not Amazon's
  --origin-url <url>        the base URL of the films, with http
  --origin-header <name>    the header with a secret that the origin checks, with http; without it the origin is public
  --cdn <type>              what serves segments: workers (with --host node node), cloudfront-function for CloudFront with the
                            workers' checks, or cloudfront for CloudFront's native signed URLs (workers)
  --cdn-host <host>         the distribution's host, with either of CloudFront's
  --identity <type>         worker: Stagedoor's own accounts; provider: your own identity provider (worker)
  --discovery <url>         the provider's issuer, or the address of its metadata: its keys and algorithms are read there
  --audience <name>         the name of this service in the provider's tokens, with --discovery
  --issuers <file>          in place of --discovery: a list of issuers in the form of STAGEDOOR_ISSUERS. Its secrets are replaced by
                            their names
  --asset <id>              the first asset (film); --path <folder/> and --entry <playlist> say where it is (film/, index.m3u8)
  --name <name>             what the names of workers and stores begin with (stagedoor)
  --yes, -y                 ask nothing
  --force                   replace files that exist`,
  run: async (args) => {
    const [operand = "."] = args.operands;
    const folder = resolve(operand);
    checkFolder(folder);
    const own = [configFile, "README.md", workflow];
    const existing = [
      ...own.filter((file) => entryAt(join(folder, file)) !== undefined),
      ...[".gitignore", "package.json"].filter((file) => isBrokenLink(join(folder, file))),
    ];
    if (existing.length > 0 && !args.flag("force"))
      endFailed(
        `${shown(folder)} has ${existing.join(", ")} already: nothing was written. Choose another folder, or replace ${existing.length === 1 ? "it" : "them"} with --force.`,
      );
    const answers = await withQuestions(args, (ask) => readAnswers(args, ask));
    const files = filesFor(folder, args, answers);
    writeFiles(folder, files);
    const names = files.map(([file]) => file);
    return succeeded(nextText(folder, answers, names), { folder, files: names });
  },
};

const workflow = ".github/workflows/deploy.yml";

function filesFor(folder: string, args: Args, answers: Answers): readonly (readonly [file: string, text: string])[] {
  const config = configText(answers);
  const read = readConfig(config);
  if (!read.ok)
    endFailed(
      [
        "These answers make no valid deployment; nothing was written:",
        ...read.refusal.map((fault) => faultText(fault, args, answers)),
      ].join("\n  "),
    );
  return [
    ["package.json", packageText(folder, answers)],
    [configFile, config],
    [".gitignore", ignoreText(folder, answers)],
    ...(answers.host === "workers" ? [[workflow, workflowText(answers)] as const] : []),
    ["README.md", readmeText(answers)],
  ];
}

/** An error in the answers, with the option that it comes from. */
function faultText(fault: ConfigFault, args: Args, answers: Answers): string {
  const option = optionOf(fault.member, answers);
  if (option === undefined) return configFaultText(configFile, fault);
  const value = args.value(option);
  return `--${option}${value === undefined ? "" : ` ${shownWord(value)}`}: ${fault.advice}`;
}

/**
 * A folder whose files can be written: it, or what is there of its path, is no file. A link without a target is never followed:
 * it may lead to a place outside of the folder.
 */
function checkFolder(folder: string): void {
  for (let path = folder; ; path = dirname(path)) {
    const stats = entryAt(path);
    if (stats === undefined && dirname(path) !== path) continue;
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    endMisused(
      `<folder> must be a folder, or a name for a new one: ${shown(path)} is ${stats?.isSymbolicLink() === true ? "a link without a folder" : "a file"}.`,
    );
  }
}

/** What is at a path, a link itself included; undefined if there is nothing. */
function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined; // below a file, or not there
  }
}

function isBrokenLink(file: string): boolean {
  return entryAt(file) !== undefined && !existsSync(file);
}

/** Writes the files. Links to other places are replaced by files, and not followed. */
function writeFiles(folder: string, files: readonly (readonly [file: string, text: string])[]): void {
  for (const [name, text] of files) {
    const file = join(folder, name);
    try {
      mkdirSync(dirname(file), { recursive: true });
      if (entryAt(file)?.isSymbolicLink() === true) rmSync(file);
      writeFileSync(file, text);
    } catch (error) {
      endFailed(`${shown(file)} cannot be written: ${reasonOf(error)}.`);
    }
  }
}

/** The lines of an existing .gitignore, and those that are missing: films in a folder of the deployment as well. */
function ignoreText(folder: string, { origin }: Answers): string {
  const file = join(folder, ".gitignore");
  const before = existsSync(file) ? readText(file, "the list of ignored files").trimEnd().split("\n") : [];
  const isInside = origin.type === "file" && !isAbsolute(origin.folder) && !origin.folder.startsWith("..");
  const ignored = [...ignoredFiles, ...(isInside ? [`${origin.folder.replace(/^\.\/|\/$/g, "")}/`] : [])];
  return `${[...before, ...ignored.filter((line) => !before.includes(line))].join("\n")}\n`;
}

const ownScripts = {
  workers: { dev: "stagedoor dev", deploy: "stagedoor deploy" },
  node: { start: "stagedoor serve --env production" },
} as const;

/** The members of an existing package.json, and those that are missing. Versions that are there already stay. */
function packageText(folder: string, answers: Answers): string {
  const file = join(folder, "package.json");
  const parsed = existsSync(file) ? parseJson(readText(file, "the package")) : {};
  if (!isObject(parsed)) endFailed(`${shown(file)} is not a JSON object: fix it first. Nothing was written.`);
  const before = Object(parsed);
  const {
    name = basename(folder)
      .toLowerCase()
      .replace(/[^a-z0-9-]/g, "-"),
    ...others
  } = before;
  const { dependencies, devDependencies, scripts } = before;
  return `${JSON.stringify(
    {
      name,
      private: true,
      type: "module",
      engines: { node: ">=22.13" },
      // Their install scripts pick the binary for this machine. npm warns about scripts that are not listed.
      ...(answers.host === "workers" ? { allowScripts: { esbuild: true, workerd: true } } : {}),
      ...others,
      scripts: { ...ownScripts[answers.host], ...scripts },
      dependencies: { stagedoor: packageSpecifier(folder), ...peersFor(answers), ...dependencies },
      ...(devDependencies === undefined ? {} : { devDependencies }),
    },
    null,
    2,
  )}\n`;
}

function shown(folder: string): string {
  return relative(process.cwd(), folder) || ".";
}

function secretsText(names: readonly string[]): string {
  if (names.length === 0) return "";
  return `\n  npx stagedoor secrets new --env development   # then write the value of ${names.join(" and of ")} into the file that it names`;
}

function nextText(folder: string, answers: Answers, files: readonly string[]): string {
  const { host, origin, asset, environments, identity } = answers;
  const [environment = "production"] = environments;
  const isHere = shown(folder) === ".";
  const putInto = (place: string) =>
    `\n  (put the files of the first asset into ${place}${asset.path ?? `${asset.id}/`})`;
  const film =
    origin.type === "r2"
      ? putInto(`${isHere ? "" : `${shown(folder)}/`}media/`)
      : origin.type === "file"
        ? putInto(`${origin.folder}/`)
        : "";
  const provider = !identity.issuers.includes(placeholders.issuer)
    ? secretsText(identity.secrets)
    : `\n  npx stagedoor issuers add --discovery <url> --audience <name>   # then remove ${placeholders.issuer.issuer} from identity.issuers`;
  const unfilled =
    answers.domain === placeholders.domain ? ` and the domain, which is still ${placeholders.domain}` : "";
  const own = packageSpecifier(folder);
  const source = own.startsWith("file:")
    ? `\npackage.json names stagedoor as ${own}, which is where this command comes from: keep it there.\n`
    : "";
  return `Wrote to ${shown(folder)}: ${files.join(", ")}.
${source}
Next:
${isHere ? "" : `  cd ${shown(folder)}\n`}  npm install${provider}${film}
${
  host === "node"
    ? `  npx stagedoor serve                  # on localhost, with a token to try it
  npx stagedoor serve --env ${environment}   # behind a proxy with TLS, with keys of its own`
    : `  npx stagedoor dev
  npx stagedoor deploy --env ${environment} --dry-run   # lists the ids${unfilled} that are not filled in`
}`;
}
