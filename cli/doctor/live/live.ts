import type { Clock } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import type { OriginSecrets } from "../../../src/catalog/origin-secrets.ts";
import type { KeyRing } from "../../../src/keys/ring.ts";
import type { OriginFetch } from "../../../src/origin/http-origin.ts";
import type { Answer, Ask } from "./ask.ts";

/** What the checks after a deployment work with. What was not given is undefined, and what needs it is not looked at. */
export interface Live {
  /** The API with its base path, and the media host; without a slash at the end. */
  readonly apiUrl: string | undefined;
  readonly mediaUrl: string | undefined;
  /** Where the settings say that they are. */
  readonly configured: { readonly apiUrl: string | undefined; readonly mediaUrl: string | undefined };
  readonly ring: KeyRing | undefined;
  /** The file that the ring was read from. */
  readonly ringFile: string | undefined;
  readonly catalog: Catalog | undefined;
  /** A viewer's bearer token, to play something with. */
  readonly token: string | undefined;
  /** The asset that is played with it; the first that the edge serves where it is left out. */
  readonly asset: string | undefined;
  /** An operator's credential. */
  readonly bearer: string | undefined;
  /** R2's public addresses. */
  readonly publicBuckets: readonly string[];
  /** Whether the catalog's origins are asked. */
  readonly origins: boolean;
  readonly secretOf: (name: string) => string | undefined;
  /** To which hosts each of them may be sent, and how: the catalog is not trusted with that. */
  readonly originSecrets: OriginSecrets;
  readonly grantIssuer: string;
  readonly ask: Ask;
  /** What the workers' own adapter asks an origin by. */
  readonly send: OriginFetch;
  readonly clock: Clock;
}

export interface Host {
  readonly name: "API" | "media host";
  readonly url: string;
  /** Its origin: /health and /ready are at its root, whatever the API's base path. */
  readonly root: string;
}

/** How to have looked at what needs the catalog. */
export const giveCatalog = "--catalog, or --api and an operator's credential with --bearer";

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

/** Whether an answer is how Stagedoor's edge refuses: by a code that nobody else has. */
export function isMediaHost({ code = "" }: Answer): boolean {
  return /^(signature|grant|key)_/.test(code);
}

/** The asset that something is played of. */
export function playedAsset(live: Live): Asset | undefined {
  if (live.asset !== undefined) return live.catalog?.asset(live.asset);
  return assetsOf(live).find(({ cdn }) => cdn === "edge") ?? assetsOf(live)[0];
}

/** A file that no asset has: what is said about it tells only how far the check went. */
export function missingFile(asset: Asset): string {
  return `/${asset.id}/stagedoor-doctor/${crypto.randomUUID()}.ts`;
}
