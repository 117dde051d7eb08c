import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isLocalUrl } from "../../../src/base/origins.ts";
import { seconds, systemClock } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { isOwnSetting } from "../../../src/catalog/asset-origin.ts";
import { type OriginSecrets, readOriginSecrets } from "../../../src/catalog/origin-secrets.ts";
import { defaultGrantIssuer } from "../../../src/config/settings.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { endMisused, type Given } from "../../lib/command.ts";
import { signDevToken } from "../../lib/dev-keys.ts";
import { readText } from "../../lib/files.ts";
import { operatorSigningKey, signOperatorToken } from "../../lib/operator-api.ts";
import { projectRoot } from "../../lib/project.ts";
import { environmentOf, type Facts, soundCatalog, soundRing, workerOf } from "../facts.ts";
import { askWith } from "./ask.ts";
import type { Live } from "./live.ts";

/** Where the hosts are, as the command line says: scheme, host, port, and for the API its base path. */
export function addressesOf(given: Given): {
  readonly apiUrl: string | undefined;
  readonly mediaUrl: string | undefined;
} {
  const [apiUrl, mediaUrl] = [given.one("api"), given.one("media")];
  for (const [option, text] of [
    ["api", apiUrl],
    ["media", mediaUrl],
    ...given.all("public-bucket").map((bucket) => ["public-bucket", bucket] as const),
  ] as const)
    if (text !== undefined && !(/^https?:\/\/[^/?#]/.test(text) && URL.canParse(text) && !/[?#]|\/$/.test(text)))
      endMisused(`--${option} takes an address without a slash at its end, such as https://${option}.example.com.`);
  return { apiUrl, mediaUrl };
}

/** What the checks after a deployment work with. */
export function gatherLive(given: Given, facts: Facts, { token, bearer }: Credentials): Live {
  const { apiUrl, mediaUrl } = addressesOf(given);
  const edge = workerOf(facts, "edge");
  const settings = edge === undefined ? {} : environmentOf(edge, facts);
  const configured = (name: string) => (typeof settings[name] === "string" ? settings[name] : undefined);
  const local = localVariables(facts.development);
  const catalog = soundCatalog(facts);
  const asset = given.one("asset");
  if (asset !== undefined && catalog !== undefined && catalog.asset(asset) === undefined)
    endMisused("--asset names no asset of the catalog. `npx stagedoor assets list` names them.");
  return {
    apiUrl,
    mediaUrl,
    // Development's workers are wherever they were started.
    configured: {
      apiUrl: facts.development ? undefined : configured("STAGEDOOR_API_URL"),
      mediaUrl: facts.development ? undefined : configured("STAGEDOOR_MEDIA_URL"),
    },
    ring: soundRing(facts),
    ringFile: facts.ring?.file,
    catalog,
    asset,
    token,
    bearer,
    publicBuckets: given.all("public-bucket"),
    origins: given.on("origins") || mediaUrl !== undefined,
    secretOf: (name) => (isOwnSetting(name) ? undefined : (process.env[name] ?? local.get(name))),
    originSecrets: {
      ...readOriginSecrets(configured("STAGEDOOR_ORIGIN_SECRETS")),
      ...(facts.development ? ofThisMachine(catalog?.assets() ?? []) : {}),
    },
    grantIssuer: configured("STAGEDOOR_GRANT_ISSUER") ?? defaultGrantIssuer,
    ask: askWith(fetch),
    send: fetch,
    clock: systemClock,
  };
}

/** In development a secret may go to any server on this machine: `npm start` has its origin wherever a port is free. */
function ofThisMachine(assets: readonly Asset[]): OriginSecrets {
  const bound: Record<string, OriginSecrets[string]> = {};
  for (const { origin } of assets) {
    if (origin.type !== "http" || origin.auth === undefined || !isLocalUrl(origin.url)) continue;
    const { auth, url } = origin;
    const name = auth.type === "header" ? auth.secret : auth.secretAccessKey;
    const hosts = [...(bound[name]?.hosts ?? []), new URL(url).host];
    bound[name] =
      auth.type === "header"
        ? { use: "header", header: auth.name, hosts }
        : { use: "sigv4", accessKeyId: auth.accessKeyId, hosts };
  }
  return bound;
}

/** In development, the variables that `npm start` wrote: the secrets of origins by their names. */
function localVariables(development: boolean): ReadonlyMap<string, string> {
  const file = join(projectRoot, ".dev.vars");
  const lines = development && existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^([A-Z][A-Z0-9_]*)=["']?(.*?)["']?$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** The subject of the checks' own requests. */
interface Credentials {
  /** A viewer's bearer token. */
  readonly token: string | undefined;
  /** An operator's credential. */
  readonly bearer: string | undefined;
}

/** The options. On this machine the ring's own keys replace the missing ones. */
export async function credentialsOf(
  given: Given,
  apiUrl: string | undefined,
  ring: KeyRing | undefined,
): Promise<Credentials> {
  const local = apiUrl !== undefined && isLocalUrl(apiUrl) ? ring : undefined;
  return {
    token: credential(given, "token", "the bearer token") ?? (local === undefined ? undefined : await devToken(local)),
    bearer:
      credential(given, "bearer", "the operator's credential") ??
      (local === undefined ? undefined : await devOperator(local)),
  };
}

function credential(given: Given, option: "token" | "bearer", what: string): string | undefined {
  const file = given.one(option);
  if (file === undefined) return undefined;
  return (file === "-" ? readFileSync(0, "utf8") : readText(file, what)).trim();
}

/** A viewer of the development issuer; none where the ring has no key of its. */
async function devToken(ring: KeyRing): Promise<string | undefined> {
  if (keysFor(ring, "token")[0]?.d === undefined) return undefined;
  return signDevToken(ring, { subject: "stagedoor-doctor", assets: "*", lifetimeSeconds: 120 });
}

async function devOperator(ring: KeyRing): Promise<string | undefined> {
  const key = operatorSigningKey(ring);
  if (key === undefined) return undefined;
  return (await signOperatorToken(key, { name: "doctor", scopes: ["operator:read"], lifetime: seconds(120) })).token;
}
