import * as z from "zod";
import { ok, type Result, refuse } from "../base/result.ts";
import { type Asset, assetIdSchema, assetSchema } from "./asset.ts";
import { assetOriginSchema, originIdentity, placeMembers } from "./asset-origin.ts";
import { type CatalogFault, type CatalogFaultName, faultsOfIssues } from "./catalog-fault.ts";

/** The playable assets. */
export interface Catalog {
  readonly asset: (id: string) => Asset | undefined;
  readonly assets: () => readonly Asset[];
  /** The asset of a plain path on the media host: `/vod-ts/360p/0.ts` belongs to `vod-ts`. */
  readonly assetOfPath: (path: string) => Asset | undefined;
}

/** The document around its assets. Each asset is parsed separately, so its faults hide none of another asset. */
const frameSchema = z.strictObject({ version: z.literal(1), assets: z.array(z.unknown()) });

/**
 * Parses a document (see `catalogDocumentSchema`), or returns every fault at once. In addition to the schema it refuses
 * duplicate ids, and an asset whose files are inside another's: a grant for one would open the other.
 */
export function parseCatalog(document: unknown): Result<Catalog, readonly CatalogFault[]> {
  const frame = frameSchema.safeParse(document);
  if (!frame.success) return refuse(faultsOfIssues(frame.error.issues, undefined, document));
  const assets: Asset[] = [];
  const faults: CatalogFault[] = [];
  const named = frame.data.assets.map((raw, index) => ({ raw, name: nameOf(raw, index) }));
  for (const { raw, name } of named) {
    const parsed = assetSchema.safeParse(raw);
    if (parsed.success) assets.push(parsed.data);
    else faults.push(...faultsOfIssues(parsed.error.issues, name, raw));
    faults.push(...cdnFaults(raw, name), ...conditionFaults(raw, name));
  }
  faults.push(...duplicateFaults(named), ...overlapFaults(named));
  return faults.length === 0 ? ok(catalogOf(assets)) : refuse(faults);
}

/** {@link parseCatalog} for text. */
export function parseCatalogText(text: string): Result<Catalog, readonly CatalogFault[]> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return refuse([{ name: "not_json", asset: undefined, field: "", advice: "Write the catalog as JSON." }]);
  }
  return parseCatalog(document);
}

function catalogOf(assets: readonly Asset[]): Catalog {
  const byId = new Map(assets.map((asset) => [asset.id, asset]));
  return {
    asset: (id) => byId.get(id),
    assets: () => assets,
    assetOfPath: (path) => {
      const end = path.indexOf("/", 1);
      return end < 0 ? undefined : byId.get(path.slice(1, end));
    },
  };
}

interface NamedAsset {
  readonly raw: unknown;
  readonly name: string;
}

function nameOf(raw: unknown, index: number): string {
  const id = assetIdSchema.safeParse(fieldOf(raw, "id"));
  return id.success ? id.data : `assets[${index}]`;
}

/** The dependencies between the CDN settings, checked in addition to other faults. */
function cdnFaults(raw: unknown, asset: string): readonly CatalogFault[] {
  const fault = (name: CatalogFaultName, field: string, advice: string) => [{ name, asset, field, advice }];
  const settings = fieldOf(raw, "cloudfront");
  const cdn = fieldOf(raw, "cdn") ?? "edge";
  if (cdn === "cloudfront" && fieldOf(raw, "cdnUrl") === undefined)
    return fault(
      "cdn_url_missing",
      "cdnUrl",
      "Add the distribution's scheme and host, or write cdn: \"cloudfront-signed\" for CloudFront's own signed URLs.",
    );
  if (cdn !== "cloudfront" && fieldOf(raw, "cdnUrl") !== undefined)
    return fault("cdn_url_unused", "cdnUrl", "Remove it, or set cdn to cloudfront.");
  if (cdn === "cloudfront" && fieldOf(raw, "segmentSignature") === "session")
    return fault(
      "cloudfront_session",
      "segmentSignature",
      "Set it to shared: CloudFront's function does not know the assets whose segments are bound to a session.",
    );
  if (cdn !== "edge" && fieldOf(raw, "enforcement") !== undefined)
    return fault(
      "cloudfront_enforcement",
      "enforcement",
      "Remove it: CloudFront checks its URLs itself, and knows enforce only.",
    );
  if (cdn !== "cloudfront-signed" && settings !== undefined)
    return fault("cloudfront_unused", "cloudfront", "Remove these settings, or set cdn to cloudfront-signed.");
  if (cdn === "cloudfront-signed" && settings === undefined)
    return fault(
      "cloudfront_missing",
      "cloudfront",
      "Add these settings; {} uses the media host and the ring's active key.",
    );
  if (cdn === "cloudfront-signed" && fieldOf(raw, "segmentSignature") === "session")
    return fault(
      "cloudfront_session",
      "segmentSignature",
      "Set it to shared: a CloudFront URL has no grant to be bound to.",
    );
  if (cdn === "cloudfront-signed" && fieldOf(raw, "binding") !== undefined)
    return fault(
      "cloudfront_binding",
      "binding",
      "Remove it: a CloudFront URL has no grant, so its files would not be bound.",
    );
  return [];
}

/** Conditions that have no effect, or that no viewer could meet. */
function conditionFaults(raw: unknown, asset: string): readonly CatalogFault[] {
  const faults: CatalogFault[] = [];
  if (fieldOf(raw, "originless") !== undefined && fieldOf(raw, "origins") === undefined)
    faults.push({ name: "originless_unused", asset, field: "originless", advice: "Remove it, or add origins." });
  if (fieldOf(raw, "cdn") === "cloudfront" && fieldOf(fieldOf(raw, "places"), "anonymous") !== undefined)
    faults.push({
      name: "cloudfront_anonymous",
      asset,
      field: "places.anonymous",
      advice:
        "Remove it: CloudFront does not tell which networks are anonymous. List networks in places.except by asns.",
    });
  return faults;
}

function duplicateFaults(assets: readonly NamedAsset[]): readonly CatalogFault[] {
  const seen = new Set<string>();
  const faults: CatalogFault[] = [];
  for (const { name } of assets) {
    if (seen.has(name))
      faults.push({ name: "id_duplicate", asset: name, field: "id", advice: "Choose another id: it must be unique." });
    seen.add(name);
  }
  return faults;
}

/** Sorted, an identity comes after all its prefixes, and next to the nearest one. */
function overlapFaults(assets: readonly NamedAsset[]): readonly CatalogFault[] {
  const places = assets.flatMap(({ raw, name }) => {
    const origin = assetOriginSchema.safeParse(fieldOf(raw, "origin"));
    return origin.success ? [{ name, type: origin.data.type, identity: originIdentity(origin.data) }] : [];
  });
  places.sort((a, b) => (a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : 0));
  const faults: CatalogFault[] = [];
  let outer = places[0];
  for (const place of places.slice(1)) {
    if (outer === undefined || !place.identity.startsWith(outer.identity)) {
      outer = place;
      continue;
    }
    faults.push({
      name: "prefix_overlap",
      asset: place.name,
      field: `origin.${placeMembers[place.type]}`,
      advice: `Move its files out of those of ${outer.name}: a grant for ${outer.name} would open them as well.`,
    });
  }
  return faults;
}

function fieldOf(raw: unknown, field: string): unknown {
  return typeof raw === "object" && raw !== null ? Reflect.get(raw, field) : undefined;
}
