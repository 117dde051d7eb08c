import { isLocalUrl } from "../../src/base/origins.ts";
import { type Asset, assetSchema } from "../../src/catalog/asset.ts";
import {
  type Args,
  type Command,
  type Completed,
  checkOneInput,
  endFailed,
  endInvalid,
  endMisused,
  failed,
  type Outcome,
  succeeded,
} from "../lib/command.ts";
import { bucketUnbound, type Deployment, deploymentAt, unboundBuckets } from "../lib/deployment.ts";
import { parseJson, readTextOrInput } from "../lib/files.ts";
import { startProgram } from "../lib/project.ts";
import { isLive, whichCatalogHelp, whichCatalogOptions } from "../lib/which-catalog.ts";
import { type CatalogResult, catalogUpload, changeCatalog, propagationNote } from "./change-catalog.ts";
import { checkAtOrigin, checkThroughMediaHost, type EntryCheck } from "./check-entry.ts";

const text = { type: "string" } as const;

/** The options that describe an asset. Its other members can be given in a file. */
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

const assetHelp = `  --origin <origin>          where its files are: r2:MEDIA/films/42/ for the binding of a bucket and a prefix in it,
                             file:films/42/ for an origin of the type file and a folder in it (self-hosted), or
                             https://origin.example/films/42/
  --entry <path>             the first playlist, relative to the origin, with its query if it has one (index.m3u8)
  --title <text>             a title for people
  --cdn <edge|cloudfront|cloudfront-signed>  what serves the segments (edge)
  --cloudfront-url <url>     the URL of the distribution (cloudfront-signed: the media host)
  --cloudfront-key <kid>     the key of the ring that signs (the active key)
  --session <seconds>        the length of a playback session
  --streams <number>         the viewer's stream limit for a start of this asset
  --json-file <file>         the whole asset as JSON, as in a catalog, for members without an option: an origin's secret,
                             countries, a time window; - reads it from standard input`;

/** The asset that the options describe. The catalog's schema validates it later. */
function readAsset(id: string, args: Args): object {
  const file = args.value("json-file");
  const others = Object.keys(assetOptions).filter((name) => name !== "json-file" && args.value(name) !== undefined);
  if (file !== undefined) {
    if (others[0] !== undefined)
      endMisused(`--json-file contains the whole asset: put --${others.join(" and --")} there.`);
    checkOneInput(args, ["json-file", "bearer"]);
    return readAssetFile(id, file);
  }
  const origin =
    args.value("origin") ??
    endMisused("--origin is missing: --origin <r2:BINDING/prefix/ | file:root/path/ | https://…/>.");
  const [title, cdn] = [args.value("title"), args.value("cdn")];
  const [session, streams] = [numberOf("session", args), numberOf("streams", args)];
  const url = args.value("cloudfront-url");
  const cloudfront = cloudFrontOf(args, cdn === "cloudfront" ? undefined : url);
  return {
    id,
    ...(title !== undefined && { title }),
    origin: originOf(origin),
    entry: args.value("entry") ?? "index.m3u8",
    ...(cdn !== undefined && { cdn }),
    ...(cdn === "cloudfront" && url !== undefined && { cdnUrl: url }),
    ...((cdn === "cloudfront-signed" || Object.keys(cloudfront).length > 0) && { cloudfront }),
    ...(session !== undefined && { session }),
    ...(streams !== undefined && { streams }),
  };
}

function readAssetFile(id: string, file: string): object {
  const asset = parseJson(readTextOrInput(file, "the asset"));
  if (typeof asset !== "object" || asset === null || Array.isArray(asset))
    return endFailed('--json-file must contain an asset, {"origin": …, "entry": …}.');
  const fileId: unknown = Object(asset).id;
  if (fileId !== undefined && fileId !== id)
    endFailed(
      `The id in the file is ${JSON.stringify(fileId)}, and the command line has "${id}": correct one of them.`,
    );
  return { id, ...asset };
}

function originOf(text: string): object {
  const [, binding, prefix] = /^r2:([^/]*)\/(.*)$/.exec(text) ?? [];
  if (binding !== undefined && prefix !== undefined) return { type: "r2", binding, prefix };
  const [, root, path] = /^file:([^/]+)\/(.*)$/.exec(text) ?? [];
  if (root !== undefined && path !== undefined) return { type: "file", root, path };
  if (/^https?:\/\//.test(text)) return { type: "http", url: text };
  return endInvalid(
    "origin",
    text,
    "r2:<BINDING>/<prefix>/, file:<root>/<path>/ or https://<host>/<path>/, with a slash at the end",
  );
}

function cloudFrontOf(args: Args, url: string | undefined): object {
  const keyPairId = args.value("cloudfront-key");
  return { ...(url !== undefined && { url }), ...(keyPairId !== undefined && { keyPairId }) };
}

function numberOf(option: string, args: Args): number | undefined {
  const digits = args.value(option);
  if (digits === undefined) return undefined;
  return /^\d{1,9}$/.test(digits) ? Number(digits) : endInvalid(option, digits, "a whole number");
}

export const assetsAddCommand: Command = {
  name: "assets add",
  summary: "add an asset to a deployment or a catalog file",
  operands: ["<id>"],
  options: { ...whichCatalogOptions, ...assetOptions, replace: { type: "boolean" }, "no-check": { type: "boolean" } },
  help: `Adds an asset to the catalog of a deployment (no deploy needed) or to a catalog file. Prints every error of an invalid
asset, and changes nothing. With --api it also checks that the entry loads: from an HTTP origin without a secret before the
change, and from the media host of ${startProgram} after it.

${assetHelp}
  --replace                  replace the asset with this id; running sessions continue with the new files
  --no-check                 do not check that the entry loads

${whichCatalogHelp("operator:assets", "a catalog file instead; it has no effect until you upload it")}`,
  run: async (args, progress) => {
    const [id = ""] = args.operands;
    const asset = readAsset(id, args);
    const edit = { does: "put", id, asset, replace: args.flag("replace") } as const;
    const parsed = assetSchema.safeParse(asset);
    if (!parsed.success || !isLive(args) || args.flag("no-check"))
      return changeCatalog(args, edit, (result) => outcome(asset, args, result));
    const atOrigin = await checkAtOrigin(parsed.data);
    if (atOrigin.status === "fails")
      return failed(`Nothing was changed, because the entry does not load. ${atOrigin.message}.
Correct --origin or --entry, or add the asset all the same with --no-check.`);
    return changeCatalog(args, edit, async (result) => {
      const loaded = await checkThroughMediaHost(parsed.data, result.change.was, result.where, args, progress);
      if (loaded.status === "fails") return addedButFails(id, args, loaded.message, { asset, ...result.change });
      return outcome(asset, args, result, loaded.status === "loads" ? loaded : atOrigin);
    });
  },
};

/** The outcome if the catalog was changed, but the entry does not load. */
function addedButFails(id: string, args: Args, message: string, json: Completed["json"]): Completed {
  const [api, bearer] = [args.value("api"), args.value("bearer")];
  const remove = `npx stagedoor assets remove ${id} --api ${api}${bearer === undefined ? "" : ` --bearer ${bearer === "-" ? "<file>" : bearer}`}`;
  return failed(
    `${id} is in the catalog of ${api} now, but players cannot load it: ${message}
Next: correct the asset with --replace, or remove it:
  ${remove}`,
    { ...json, loads: false },
  );
}

async function outcome(
  asset: object,
  args: Args,
  { change: { was, faults }, live, where }: CatalogResult,
  entry?: EntryCheck,
): Promise<Outcome> {
  const [id = ""] = args.operands;
  const json = { asset, was, live, faults };
  const parsed = assetSchema.safeParse(asset);
  const deployment = live ? await deploymentAt(where) : undefined;
  const bucket = parsed.success ? bucketNote(parsed.data, deployment) : undefined;
  const others = faults.length === 0 ? undefined : [`${where} has other errors, so no worker accepts it:`, ...faults];
  const note = [bucket, others?.join("\n  ")].filter((text) => text !== undefined).join("\n") || undefined;
  if (was === "unchanged") return succeeded(`${where} has the same asset ${id} already.`, json, note);
  if (!live)
    return succeeded(
      `${id} was ${was} in ${where}.
Next: upload the file to the KV namespace that the workers read:
  ${catalogUpload(where)}`,
      json,
      note,
    );
  const next = parsed.success ? `\n${nextStep(parsed.data, where, args, deployment)}` : "";
  return succeeded(`${id} was ${was} at ${where}.${entryText(entry)} ${propagationNote()}${next}`, json, note);
}

function entryText(entry: EntryCheck | undefined): string {
  if (entry?.status === "loads") return " Its entry loads.";
  return entry?.status === "unchecked" ? ` Its entry was not checked: ${entry.reason}.` : "";
}

/** A warning if the workers do not have the asset's bucket. */
function bucketNote({ origin }: Pick<Asset, "origin">, deployment: Deployment | undefined): string | undefined {
  if (deployment === undefined) return undefined;
  const [name] = unboundBuckets([{ origin }], deployment);
  return name === undefined ? undefined : bucketUnbound(name, deployment);
}

const purposes: Readonly<Record<Asset["origin"]["type"], string>> = {
  r2: "check that its bucket is bound to the workers",
  file: "check that the deployment has its root",
  http: "check that its origin answers the workers and nobody else (set the origin's secret in your environment)",
};

/** The command that checks an asset which was added to a deployment. */
function nextStep(
  { origin }: Pick<Asset, "origin">,
  api: string,
  args: Args,
  deployment: Deployment | undefined,
): string {
  const [bearer, ring] = [args.value("bearer"), args.value("ring")];
  const media = deployment?.mediaUrl;
  const words = [
    "npx stagedoor doctor",
    ...(isLocalUrl(api) ? [] : [`--env ${deployment?.environment ?? "<environment>"}`]),
    `--api ${api}`,
    ...(media === undefined ? ["--origins"] : [`--media ${media}`]),
    ...(bearer === undefined ? [] : [`--bearer ${bearer === "-" ? "<file>" : bearer}`]),
    ...(ring === undefined ? [] : [`--ring ${ring}`]),
  ];
  return `Next: ${purposes[origin.type]}:\n  ${words.join(" ")}`;
}
