import { readFileSync } from "node:fs";
import type { Given } from "./command.ts";
import { parseJson, readText } from "./files.ts";
import { endFailed, endMisused } from "./outcome.ts";

const text = { type: "string" } as const;

/** The options that describe an asset; what else one can have comes from a file. */
export const assetOptions = {
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

export const assetHelp = `  --origin <where>           where its files lie: r2:MEDIA/films/42/ for a bucket's binding and a prefix in it, or
                             https://origin.example/films/42/
  --entry <path>             the playlist that players begin with, below that, with its query if it has one (index.m3u8)
  --title <text>             a name for people
  --cdn <edge|cloudfront-signed>  what serves the segments (edge)
  --cloudfront-url <url>     the distribution, where that is not the media host
  --cloudfront-key <kid>     the ring's key that signs for it
  --session <seconds>        how long a playback session lasts
  --streams <number>         how many streams a viewer may run at once when he starts this one
  --json-file <file>         the whole asset as JSON instead, as a catalog has it, for all else that an asset can be: an
                             origin's secret, countries, a window of availability; - reads it from standard input`;

/** The asset that the command line describes, as a catalog has it. Whether it is sound is for the catalog's schema. */
export function readAsset(id: string, given: Given): object {
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
