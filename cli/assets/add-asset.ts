import { readFileSync } from "node:fs";
import { isLocalUrl } from "../../src/base/origins.ts";
import { type Asset, assetSchema } from "../../src/catalog/asset.ts";
import { type Command, endFailed, endMisused, type Given, good, type Outcome } from "../lib/command.ts";
import { bucketUnbound, type Deployment, deploymentAt, unboundBuckets } from "../lib/deployment.ts";
import { parseJson, readText } from "../lib/files.ts";
import { whichCatalogHelp, whichCatalogOptions } from "../lib/which-catalog.ts";
import { changeCatalog, soonEverywhere, type Told } from "./change-catalog.ts";

const text = { type: "string" } as const;

/** The options that describe an asset; what else one can have comes from a file. */
const assetOptions = {
  origin: text,
  entry: text,
  title: text,
  cdn: text,
  "cloudfront-url": text,
  "cloudfront-key": text,
  session: text,
  streams: text,
  "json-file": text,
} as const;

const assetHelp = `  --origin <where>           where its files lie: r2:MEDIA/films/42/ for a bucket's binding and a prefix in it, or
                             https://origin.example/films/42/
  --entry <path>             the playlist that players begin with, below that, with its query if it has one (index.m3u8)
  --title <text>             a name for people
  --cdn <edge|cloudfront-signed>  what serves the segments (edge)
  --cloudfront-url <url>     the distribution, where that is not the media host
  --cloudfront-key <kid>     the ring's key that signs for it
  --session <seconds>        how long a playback session lasts
  --streams <number>         the viewer's stream limit when they start this asset
  --json-file <file>         the whole asset as JSON instead, as a catalog has it, for all else that an asset can be: an
                             origin's secret, countries, a window of availability; - reads it from standard input`;

/** The asset that the command line describes, as a catalog has it. Whether it is sound is for the catalog's schema. */
function readAsset(id: string, given: Given): object {
  const file = given.one("json-file");
  const others = Object.keys(assetOptions).filter((name) => name !== "json-file" && given.one(name) !== undefined);
  if (file !== undefined) {
    if (others[0] !== undefined)
      endMisused(`--json-file holds the whole asset: put --${others.join(" and --")} there.`);
    if (file === "-" && given.one("bearer") === "-")
      endMisused("Standard input holds one of them alone: put the asset or the credential into a file.");
    return fromFile(id, file);
  }
  const origin =
    given.one("origin") ?? endMisused("Say where its files lie: --origin <r2:BINDING/prefix/ | https://…/>.");
  const [title, cdn] = [given.one("title"), given.one("cdn")];
  const [session, streams] = [numberOf("session", given), numberOf("streams", given)];
  const cloudfront = cloudFrontOf(given);
  return {
    id,
    ...(title !== undefined && { title }),
    origin: originOf(origin),
    entry: given.one("entry") ?? "index.m3u8",
    ...(cdn !== undefined && { cdn }),
    ...((cdn === "cloudfront-signed" || Object.keys(cloudfront).length > 0) && { cloudfront }),
    ...(session !== undefined && { session }),
    ...(streams !== undefined && { streams }),
  };
}

function fromFile(id: string, file: string): object {
  const read = parseJson(file === "-" ? readFileSync(0, "utf8") : readText(file, "the asset"));
  if (typeof read !== "object" || read === null || Array.isArray(read))
    return endFailed('--json-file holds no asset: write an object, {"origin": …, "entry": …}.');
  const own: unknown = Object(read).id;
  if (own !== undefined && own !== id)
    endFailed("The file names another id than the command line: correct one of them, or take it out of the file.");
  return { id, ...read };
}

function originOf(where: string): object {
  const [, binding, prefix] = /^r2:([^/]*)\/(.*)$/.exec(where) ?? [];
  if (binding !== undefined && prefix !== undefined) return { type: "r2", binding, prefix };
  if (/^https?:\/\//.test(where)) return { type: "http", url: where };
  return endMisused("--origin takes r2:<BINDING>/<prefix>/ or https://<host>/<path>/, with a slash at the end.");
}

function cloudFrontOf(given: Given): object {
  const [url, keyPairId] = [given.one("cloudfront-url"), given.one("cloudfront-key")];
  return { ...(url !== undefined && { url }), ...(keyPairId !== undefined && { keyPairId }) };
}

function numberOf(option: string, given: Given): number | undefined {
  const digits = given.one(option);
  if (digits === undefined) return undefined;
  return /^\d{1,9}$/.test(digits) ? Number(digits) : endMisused(`--${option} takes a whole number.`);
}

export const assetsAddCommand: Command = {
  name: "assets add",
  summary: "add an asset to a deployment or a catalog file",
  operands: ["<id>"],
  options: { ...whichCatalogOptions, ...assetOptions, replace: { type: "boolean" } },
  help: `Adds an asset to the catalog of a deployment (no deploy needed) or to a catalog file. Prints every error of an invalid
asset, and changes nothing.

${assetHelp}
  --replace                  replace the asset with this id; running sessions switch to the new files

${whichCatalogHelp("operator:assets", "a catalog file instead; it has no effect until you upload it")}`,
  run: async (given) => {
    const [id = ""] = given.operands;
    const asset = readAsset(id, given);
    const edit = { does: "put", id, asset, replace: given.on("replace") } as const;
    return changeCatalog(given, edit, (told) => outcome(asset, given, told));
  },
};

async function outcome(asset: object, given: Given, { change: { was, faults }, live, where }: Told): Promise<Outcome> {
  const [id = ""] = given.operands;
  const json = { asset, was, live, faults };
  const read = assetSchema.safeParse(asset);
  const deployment = live ? await deploymentAt(where) : undefined;
  const bucket = read.success ? bucketNote(read.data, deployment) : undefined;
  const left = faults.length === 0 ? undefined : [`${where} has other errors, so no worker accepts it:`, ...faults];
  const note = [bucket, left?.join("\n  ")].filter((text) => text !== undefined).join("\n") || undefined;
  if (was === "unchanged") return good(`${id} is the same in ${where} already.`, json, note);
  if (!live)
    return good(
      `${id} was ${was} in ${where}.
Next: put it where the workers read it:
  npx wrangler kv key put --binding CATALOG catalog --path ${where} --remote --env production`,
      json,
      note,
    );
  const next = read.success ? `\n${lookAtIt(read.data, where, given, deployment)}` : "";
  return good(`${id} was ${was} at ${where}. ${soonEverywhere}${next}`, json, note);
}

/** A note on success: the workers have no such bucket. */
function bucketNote({ origin }: Pick<Asset, "origin">, deployment: Deployment | undefined): string | undefined {
  if (deployment === undefined) return undefined;
  const [name] = unboundBuckets([{ origin }], deployment);
  return name === undefined ? undefined : bucketUnbound(name, deployment);
}

/** The next step after an asset was added to a deployment's catalog: the whole command that looks at it. */
function lookAtIt(
  { origin }: Pick<Asset, "origin">,
  api: string,
  given: Given,
  deployment: Deployment | undefined,
): string {
  const [bearer, ring] = [given.one("bearer"), given.one("ring")];
  const media = deployment?.mediaUrl;
  const words = [
    "npx stagedoor doctor",
    ...(isLocalUrl(api) ? [] : [`--env ${deployment?.environment ?? "<environment>"}`]),
    `--api ${api}`,
    ...(media === undefined ? ["--origins"] : [`--media ${media}`]),
    ...(bearer === undefined ? [] : [`--bearer ${bearer === "-" ? "<file>" : bearer}`]),
    ...(ring === undefined ? [] : [`--ring ${ring}`]),
  ];
  const what =
    origin.type === "r2"
      ? "check that its bucket is bound to the workers"
      : "check that its origin is reachable, and only for the workers (with the origin's secret in the environment)";
  return `Next: ${what}:\n  ${words.join(" ")}`;
}
