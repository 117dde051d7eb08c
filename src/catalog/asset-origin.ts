import * as z from "zod";
import { canonicalPathText, pathFault } from "../base/canonical-path.ts";
import { isSafeAddress } from "../base/origins.ts";
import { seconds } from "../base/time.ts";
import type { CatalogFault } from "./catalog-fault.ts";

/** The name of an environment variable with an origin's secret. */
export const secretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,63}$/, "Give the name of an environment variable (A-Z 0-9 _), never the secret itself.")
  // Otherwise an editor of the catalog could have the key ring sent to their own origin.
  .refine(
    (name) => !isOwnSetting(name),
    "Choose another variable: those that begin with STAGEDOOR_ are this service's own.",
  );

/** Whether an environment variable is a setting of this service, which no origin ever receives. */
export function isOwnSetting(name: string): boolean {
  return name.startsWith("STAGEDOOR_");
}

/** Headers that the adapter or the transport sets: a secret under one of these names would break the request. */
const ownHeaders = new Set(
  "host range if-none-match if-range accept-encoding connection content-length transfer-encoding".split(" "),
);

const headerAuth = z
  .strictObject({
    type: z.literal("header").describe("A header with a secret value."),
    name: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/, "Give a header name of A-Z a-z 0-9 and -.")
      .refine((name) => !ownHeaders.has(name.toLowerCase()), "Choose another header: this one is set by the request.")
      .describe("The header's name, such as X-Origin-Secret."),
    secret: secretName.describe("The environment variable (a Workers secret) with the header's value."),
  })
  .describe("A secret header, checked by the origin.");

const sigv4Auth = z
  .strictObject({
    type: z.literal("sigv4").describe("AWS Signature Version 4, for S3 and compatible stores."),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, "Give the region's name, such as eu-central-1.")
      .describe("The bucket's region; `auto` for R2."),
    service: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, "Give the service's signing name, such as s3.")
      .default("s3")
      .describe("The name of the service in the signature."),
    accessKeyId: secretName.describe("The environment variable with the access key's id."),
    secretAccessKey: secretName.describe("The environment variable with the secret access key."),
  })
  .describe("AWS credentials, so that the bucket can be private.");

const r2Origin = z
  .strictObject({
    type: z.literal("r2").describe("A bucket of Cloudflare R2, bound to the worker."),
    binding: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{0,63}$/, "Give the binding's name as the worker's configuration has it, such as MEDIA.")
      .describe("The name of the bucket's binding."),
    prefix: z
      .string()
      .superRefine((prefix, context) => report(context, prefixFault(prefix)))
      .describe("The common prefix of the asset's keys in the bucket; ends with a slash."),
  })
  .describe("Files in an R2 bucket.");

const httpOrigin = z
  .strictObject({
    type: z.literal("http").describe("Any server that answers GET and HEAD over HTTPS."),
    url: z
      .string()
      .superRefine((url, context) => report(context, originUrlFault(url)))
      .describe("The base URL of the asset's files: HTTPS (HTTP only for localhost), with a slash at its end."),
    auth: z
      .discriminatedUnion("type", [headerAuth, sigv4Auth])
      .optional()
      .describe("How this service authenticates to the origin. Without it, the origin is public."),
    timeout: z
      .number()
      .min(1)
      .max(60)
      .default(10)
      .transform(seconds)
      .describe("Seconds to wait for the headers of the origin's response, and for a whole playlist."),
    missingIs: z
      .literal(403)
      .optional()
      .describe(
        "403: the origin answers 403 for a missing file, as S3 and GCS do without the permission to list, so viewers get 404. " +
          "Without it a 403 is a failure of the origin (502), except S3's AccessDenied under sigv4. With it a wrong secret " +
          "looks like missing files.",
      ),
  })
  .describe("Files on an HTTP server.");

/** The name of an origin in `stagedoor.config.json`. */
export const originName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, "Use 1 to 31 characters of a-z 0-9 - that begin with a letter.");

const fileOrigin = z
  .strictObject({
    type: z.literal("file").describe("A folder of the machine that runs the service; only with `host.type` `node`."),
    root: originName.describe(
      "The name of an origin of the type `file` in stagedoor.config.json. The catalog never has the folder itself.",
    ),
    path: z
      .string()
      .superRefine((path, context) => report(context, folderFault(path)))
      .describe("The asset's folder below that root; ends with a slash."),
  })
  .describe("Files on the disk of a self-hosted service.");

export const assetOriginSchema = z
  .discriminatedUnion("type", [r2Origin, httpOrigin, fileOrigin])
  .describe("Where the asset's files are stored.");

export type AssetOrigin = z.output<typeof assetOriginSchema>;
export type R2AssetOrigin = Extract<AssetOrigin, { type: "r2" }>;
export type HttpAssetOrigin = Extract<AssetOrigin, { type: "http" }>;

/** The member that says where in its store an asset's files are. */
export const placeMembers = { r2: "prefix", http: "url", file: "path" } as const satisfies Record<
  AssetOrigin["type"],
  string
>;

/**
 * Identifies the location of an asset's files. If one identity begins with another, the first location is inside the
 * second. Cache keys begin with it, so all viewers share an entry.
 */
export function originIdentity(origin: AssetOrigin): string {
  switch (origin.type) {
    case "r2":
      return `r2:${origin.binding}:${origin.prefix}`;
    case "http":
      return `http:${origin.url}`;
    case "file":
      return `file:${origin.root}:${origin.path}`;
  }
}

/**
 * `host[:port]` of an HTTP origin, and the origin's path of the asset's prefix: a slash and the key prefix in a bucket, or the
 * folder below a root.
 */
export function originBase(origin: AssetOrigin): {
  readonly originHost: string | undefined;
  readonly originPath: string;
} {
  if (origin.type === "r2") return { originHost: undefined, originPath: `/${origin.prefix}` };
  if (origin.type === "file") return { originHost: undefined, originPath: `/${origin.path}` };
  const { host, pathname } = new URL(origin.url);
  return { originHost: host, originPath: pathname };
}

/**
 * Faults of assets whose root the deployment does not have. Editors of the catalog cannot name a folder, so they can read
 * only what the deployment's owner offers. Workers have no roots.
 */
export function rootFaults(
  assets: readonly { readonly id: string; readonly origin: AssetOrigin }[],
  roots: readonly string[],
): readonly CatalogFault[] {
  return assets.flatMap(({ id, origin }): readonly CatalogFault[] => {
    if (origin.type !== "file" || roots.includes(origin.root)) return [];
    const advice =
      roots.length === 0
        ? 'Use an origin of the type r2 or http: this deployment has no folders. A self-hosted one (host.type "node") has those of its origins of the type file in stagedoor.config.json.'
        : `Use one of ${roots.join(", ")}, the origins of the type file in stagedoor.config.json, or add an origin with this name there.`;
    return [{ name: "root_unknown", asset: id, field: "origin.root", advice }];
  });
}

type Fault = { readonly fault: string; readonly message: string };

function report(context: z.RefinementCtx, found: Fault | undefined): void {
  if (found === undefined) return;
  context.addIssue({ code: "custom", message: found.message, params: { fault: found.fault } });
}

function prefixFault(prefix: string): Fault | undefined {
  if (!prefix.endsWith("/") || prefix === "/") return unbounded("End the prefix with a slash, such as vod-ts/.");
  const path = canonicalPathText(`/${prefix}`);
  const why = prefix.includes("%") ? "it contains a percent sign" : path.ok ? pathFault(path.value) : path.refusal;
  return why === undefined ? undefined : { fault: "path_not_canonical", message: `Choose another prefix: ${why}.` };
}

/** Names that begin with a dot are refused, because they are often not meant to be served: `.git/`, `.env`. */
function folderFault(path: string): Fault | undefined {
  const dotted = path.startsWith(".") || path.includes("/.");
  return (
    prefixFault(path) ??
    (dotted
      ? { fault: "path_not_canonical", message: "Choose another path: a name in it begins with a dot." }
      : undefined)
  );
}

function originUrlFault(text: string): Fault | undefined {
  const fault = "origin_url_invalid";
  const url = parse(text);
  if (url === undefined) return { fault, message: "Give a whole URL, such as https://origin.example/films/42/." };
  if (!isSafeAddress(url.href))
    return { fault, message: "HTTPS required: plain HTTP is accepted only for localhost, 127.0.0.1 and [::1]." };
  if (url.username !== "" || url.password !== "")
    return { fault, message: "Remove the user and the password from the URL, and use auth." };
  if (text.includes("?") || text.includes("#"))
    return { fault, message: "Remove the query and the fragment from the URL." };
  if (!text.endsWith("/")) return unbounded("End the URL with a slash, such as https://origin.example/films/42/.");
  const why = pathFault(url.pathname);
  if (url.href !== text || why !== undefined)
    return {
      fault,
      message: `Write the URL in its canonical form${why === undefined ? `: ${url.href}` : `: ${why}`}.`,
    };
  return undefined;
}

/** Without a boundary, `vod-1` would include the files of `vod-10`. */
function unbounded(message: string): Fault {
  return { fault: "prefix_unbounded", message };
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
