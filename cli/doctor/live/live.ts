import type { Clock } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import type { OriginSecrets } from "../../../src/catalog/origin-secrets.ts";
import type { KeyRing } from "../../../src/keys/ring.ts";
import type { OriginFetch } from "../../../src/origin/http-origin.ts";
import type { Probe, ProbeResponse } from "./probe.ts";

/** The input of the checks of a running deployment. A value that was not given is undefined, and its checks are skipped. */
export interface Live {
  /** The API with its base path, and the media host; without a slash at the end. */
  readonly apiUrl: string | undefined;
  readonly mediaUrl: string | undefined;
  /** The addresses of the API and the media host in the workers' settings. */
  readonly configured: { readonly apiUrl: string | undefined; readonly mediaUrl: string | undefined };
  /** The name of the environment, such as production. */
  readonly environment: string;
  /** How a changed secret reaches the service, as an instruction without a full stop. */
  readonly upload: (secret: "STAGEDOOR_KEYS" | "STAGEDOOR_EDGE_SECRETS") => string;
  readonly ring: KeyRing | undefined;
  /** The file that the ring was read from. */
  readonly ringFile: string | undefined;
  readonly catalog: Catalog | undefined;
  /** A viewer's bearer token, to play something with. */
  readonly token: string | undefined;
  /** The id of the asset to play with it; by default the first asset that the edge serves. */
  readonly asset: string | undefined;
  /** An operator's credential. */
  readonly bearer: string | undefined;
  /** R2's public addresses. */
  readonly publicBuckets: readonly string[];
  /** Whether doctor sends requests to the catalog's origins. */
  readonly origins: boolean;
  readonly secretOf: (name: string) => string | undefined;
  /** To which hosts each secret may be sent, and how: the catalog is not trusted to decide that. */
  readonly originSecrets: OriginSecrets;
  readonly grantIssuer: string;
  readonly probe: Probe;
  /** The fetch function for the workers' own origin adapter. */
  readonly send: OriginFetch;
  readonly clock: Clock;
}

export interface Host {
  readonly name: "API" | "media host";
  readonly url: string;
  /** Its origin: /health and /ready are at its root, whatever the API's base path. */
  readonly root: string;
}

/** The options that give doctor a catalog, as text for a finding. */
export const catalogOptions = "--catalog, or --api and an operator's credential with --bearer";

/** The hosts that were given. */
export function hostsOf({ apiUrl, mediaUrl }: Live): readonly Host[] {
  return [
    ...(apiUrl === undefined ? [] : [{ name: "API", url: apiUrl, root: new URL(apiUrl).origin } as const]),
    ...(mediaUrl === undefined ? [] : [{ name: "media host", url: mediaUrl, root: new URL(mediaUrl).origin } as const]),
  ];
}

export function assetsOf({ catalog }: Live): readonly Asset[] {
  return catalog?.assets() ?? [];
}

/** Whether a response is a refusal by Stagedoor's edge: no other host sends these codes. */
export function isMediaHost({ code = "" }: ProbeResponse): boolean {
  return /^(signature|grant|key)_/.test(code);
}

/**
 * The assets to play: the one that was given; or else the first that the edge serves, and one of each distribution with a
 * function; or else the first.
 */
export function playedAssets(live: Live): readonly Asset[] {
  if (live.asset !== undefined) {
    const asset = live.catalog?.asset(live.asset);
    return asset === undefined ? [] : [asset];
  }
  const assets = assetsOf(live);
  const atEdge = assets.filter(({ cdn }) => cdn === "edge");
  const played = [atEdge.slice(0, 1), ...[...functionAssets(live).values()].map((each) => each.slice(0, 1))].flat();
  return played.length > 0 ? played : assets.slice(0, 1);
}

/** The path of a file that does not exist: its refusal shows how far a request gets. */
export function missingFile({ id }: Pick<Asset, "id">, extension = ".ts"): string {
  return `/${id}/stagedoor-doctor/${crypto.randomUUID()}${extension}`;
}

/** Assets whose files a function checks at CloudFront, by the URL of their distribution. */
export function functionAssets(live: Live): ReadonlyMap<string, readonly Asset[]> {
  const assets = assetsOf(live).filter(({ cdn }) => cdn === "cloudfront");
  return Map.groupBy(assets, ({ cdnUrl = "" }) => cdnUrl);
}
