import { createInterface } from "node:readline/promises";
import { domainSchema } from "../../src/deployment/config-schema.ts";
import { placeholders } from "../../src/deployment/placeholders.ts";
import { type Args, endInvalid, endMisused } from "../lib/command.ts";
import { type Ask, type ProviderAnswer, readProvider } from "./provider.ts";

/** What a new deployment's files are made of. */
export interface Answers {
  readonly host: "workers" | "node";
  readonly name: string;
  readonly domain: string;
  readonly environments: readonly ("staging" | "production")[];
  readonly origin: OriginAnswer;
  /** The CloudFront distribution that serves segments, with a function or native signed URLs; undefined for the host itself. */
  readonly cloudfront: { readonly type: "cloudfront-function" | "cloudfront"; readonly host: string } | undefined;
  readonly identity: { readonly worker: boolean } & ProviderAnswer;
  readonly asset: { readonly id: string; readonly path: string | undefined; readonly entry: string };
}

type OriginAnswer =
  | { readonly type: "file"; readonly folder: string }
  | { readonly type: "r2"; readonly bucket: string }
  | { readonly type: "s3"; readonly bucket: string; readonly region: string; readonly endpoint: string | undefined }
  | { readonly type: "http"; readonly url: string; readonly header: string | undefined };

/** The options of `init`, in the form of node:util's parseArgs. */
export const answerOptions = {
  host: { type: "string" },
  name: { type: "string" },
  domain: { type: "string" },
  environments: { type: "string" },
  origin: { type: "string" },
  folder: { type: "string" },
  bucket: { type: "string" },
  region: { type: "string" },
  endpoint: { type: "string" },
  "origin-url": { type: "string" },
  "origin-header": { type: "string" },
  cdn: { type: "string" },
  "cdn-host": { type: "string" },
  identity: { type: "string" },
  discovery: { type: "string" },
  audience: { type: "string" },
  issuers: { type: "string" },
  asset: { type: "string" },
  path: { type: "string" },
  entry: { type: "string" },
  yes: { type: "boolean", short: "y" },
} as const;

/** Answers every question with its default, for `--yes` and for standard input that is not a terminal. */
const defaults: Ask = async (_, standard) => standard;

/** Reads the answers from the options, and asks for the others with `ask`. */
export async function readAnswers(args: Args, ask: Ask): Promise<Answers> {
  const answer = async (option: string, question: string, standard: string) =>
    args.value(option) ?? (await ask(question, standard));
  const choice = async <Choice extends string>(option: string, question: string, choices: readonly Choice[]) => {
    const [first, ...others] = choices;
    const isAsked = others.length > 0 || args.value(option) !== undefined;
    const text = isAsked ? await answer(option, `${question} (${choices.join(", ")})`, first ?? "") : (first ?? "");
    return choices.find((one) => one === text) ?? endInvalid(option, text, choices.join(" or "));
  };
  const host = await choice("host", "What runs the service: Cloudflare's Workers, or Node on your own machine", [
    "workers",
    "node",
  ]);
  const domain = await answer(
    "domain",
    host === "workers" ? "Domain of the service, a zone of your Cloudflare account" : "Domain of the service",
    placeholders.domain,
  );
  if (!domainSchema.safeParse(domain).success)
    endInvalid("domain", domain, "a domain in lower case without a scheme, such as example.tv");
  const environments = readEnvironments(await answer("environments", "Environments", "staging,production"));
  const type = await choice("origin", "Where the films are stored", originTypes[host]);
  const origin = await originOf(type, answer);
  const cdn = await choice("cdn", "What serves the segments", [host, "cloudfront-function", "cloudfront"]);
  const identity = await choice("identity", "Who signs viewers' tokens", ["worker", "provider"]);
  checkUnused(args, { type, cdn, identity });
  return {
    host,
    name: args.value("name") ?? "stagedoor",
    domain,
    environments,
    origin,
    cloudfront:
      cdn === "workers" || cdn === "node"
        ? undefined
        : {
            type: cdn,
            host: await answer("cdn-host", "Host of the CloudFront distribution", placeholders.cdnHost),
          },
    identity:
      identity === "worker"
        ? { worker: true, issuers: [], secrets: [] }
        : { worker: false, ...(await readProvider(args, ask)) },
    asset: {
      id: await answer("asset", "Id of the first asset", "film"),
      path: args.value("path"),
      entry: await answer("entry", "Its playlist, relative to its folder", "index.m3u8"),
    },
  };
}

/** Where films can be, by the host. The first is the default. */
const originTypes = { workers: ["r2", "s3", "http"], node: ["file", "s3", "http"] } as const;

async function originOf(
  type: OriginAnswer["type"],
  answer: (option: string, question: string, standard: string) => Promise<string>,
): Promise<OriginAnswer> {
  if (type === "file")
    return { type, folder: await answer("folder", "Folder with the films, a folder for each asset", "films") };
  if (type === "r2")
    return { type, bucket: await answer("bucket", "Name of the R2 bucket in production", "stagedoor-media") };
  if (type === "s3")
    return {
      type,
      bucket: await answer("bucket", "Name of the S3 bucket", placeholders.s3Bucket),
      region: await answer("region", "Its region", "eu-central-1"),
      endpoint: (await answer("endpoint", "Address of the store, empty for Amazon S3", "")) || undefined,
    };
  const url = await answer("origin-url", "Base URL of the films", placeholders.originUrl);
  const header = await answer("origin-header", "Header with a secret that the origin checks, empty for none", "");
  return { type, url: url.endsWith("/") ? url : `${url}/`, header: header || undefined };
}

function readEnvironments(text: string): Answers["environments"] {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  const known = (["staging", "production"] as const).filter((name) => names.includes(name));
  return names.length > 0 && known.length === new Set(names).size
    ? known
    : endInvalid("environments", text, "staging, production or staging,production");
}

/** Options of an alternative that was not chosen would be ignored silently. */
function checkUnused(
  args: Args,
  chosen: { readonly type: string; readonly cdn: string; readonly identity: string },
): void {
  const fits: Readonly<Record<string, boolean>> = {
    folder: chosen.type === "file",
    bucket: chosen.type === "r2" || chosen.type === "s3",
    region: chosen.type === "s3",
    endpoint: chosen.type === "s3",
    "origin-url": chosen.type === "http",
    "origin-header": chosen.type === "http",
    "cdn-host": chosen.cdn.startsWith("cloudfront"),
    discovery: chosen.identity === "provider",
    audience: chosen.identity === "provider",
    issuers: chosen.identity === "provider",
  };
  for (const [option, isUsed] of Object.entries(fits))
    if (!isUsed && args.value(option) !== undefined)
      endMisused(
        `--${option} has no effect with --origin ${chosen.type} --cdn ${chosen.cdn} --identity ${chosen.identity}: remove it, or choose what it belongs to.`,
      );
}

/** The option that a member of the deployment's file comes from; undefined if there is none. */
export function optionOf(member: string, { origin, asset }: Answers): keyof typeof answerOptions | undefined {
  const films = { file: "folder", r2: "bucket", s3: "endpoint", http: "origin-url" } as const;
  const options: readonly (readonly [RegExp, keyof typeof answerOptions])[] = [
    [/^name$/, "name"],
    [/^environments/, "domain"],
    [/^origins\.\w+\.bucket/, "bucket"],
    [/^origins\.\w+\.region/, "region"],
    [/^origins\.\w+\.folder/, "folder"],
    [/^secrets\.\w+\.header/, "origin-header"],
    [/^(origins|secrets)\./, films[origin.type]],
    [/^cdns\.cloudfront/, "cdn-host"],
    [/^assets\[0\]\.id/, "asset"],
    [/^assets\[0\]\.entries/, "entry"],
    [/^assets\[0\]\.(origin|path)/, asset.path === undefined ? films[origin.type] : "path"],
  ];
  return options.find(([form]) => form.test(member))?.[1];
}

/** Asks on the terminal; without one, or with --yes, every answer is the default. */
export async function withQuestions<Result>(args: Args, run: (ask: Ask) => Promise<Result>): Promise<Result> {
  if (args.flag("yes") || process.stdin.isTTY !== true) return run(defaults);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await run(async (question, standard) => {
      const text = await terminal.question(`${question}${standard === "" ? "" : ` [${standard}]`}: `);
      return text.trim() || standard;
    });
  } finally {
    terminal.close();
  }
}
