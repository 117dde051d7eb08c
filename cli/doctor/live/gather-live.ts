import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isLocalUrl } from "../../../src/base/origins.ts";
import { seconds, systemClock } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { isOwnSetting } from "../../../src/catalog/asset-origin.ts";
import { type OriginSecrets, readOriginSecrets } from "../../../src/catalog/origin-secrets.ts";
import { defaultGrantIssuer } from "../../../src/config/settings.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { type Args, endMisused, shownWord } from "../../lib/command.ts";
import { signDevToken } from "../../lib/dev-keys.ts";
import { readTextOrInput } from "../../lib/files.ts";
import { operatorSigningKey, readUrl, signOperatorToken } from "../../lib/operator-api.ts";
import { projectRoot } from "../../lib/project.ts";
import { developmentSecrets } from "../../lib/secrets-file.ts";
import { environmentOf, type Facts, uploadAdvice, validCatalog, validRing, workerOf } from "../facts.ts";
import type { Live } from "./live.ts";
import { markedProbe, probeWith } from "./probe.ts";

/** The URLs of --api (with its base path) and --media. */
export function addressesOf(args: Args): {
  readonly apiUrl: string | undefined;
  readonly mediaUrl: string | undefined;
} {
  const [apiUrl, mediaUrl] = [args.value("api"), args.value("media")];
  for (const [option, url] of [
    ["api", apiUrl],
    ["media", mediaUrl],
    ...args.values("public-bucket").map((bucket) => ["public-bucket", bucket] as const),
  ] as const)
    if (url !== undefined) readUrl(option, url);
  return { apiUrl, mediaUrl };
}

/** The input of the checks of a running deployment. */
export function gatherLive(args: Args, facts: Facts, { token, bearer }: Credentials): Live {
  const { apiUrl, mediaUrl } = addressesOf(args);
  const edge = workerOf(facts, "edge");
  const mediaWorkers = facts.workers.filter(({ worker }) => worker === "edge" || worker === "manifest");
  const settings = edge === undefined ? {} : environmentOf(edge, facts);
  const configured = (name: string) => (typeof settings[name] === "string" ? settings[name] : undefined);
  const local = localVariables(facts);
  const catalog = validCatalog(facts);
  const asset = args.value("asset");
  if (asset !== undefined && catalog !== undefined && catalog.asset(asset) === undefined)
    endMisused(
      `--asset must be the id of an asset in the catalog, not ${shownWord(asset)}. \`npx stagedoor assets list\` lists them.`,
    );
  return {
    apiUrl,
    mediaUrl,
    // In development the ports of the program that started the workers count, not the settings.
    configured: {
      apiUrl: facts.development ? undefined : configured("STAGEDOOR_API_URL"),
      mediaUrl: facts.development ? undefined : configured("STAGEDOOR_MEDIA_URL"),
    },
    environment: facts.environment,
    upload: (name) => uploadAdvice(name, [...new Set(mediaWorkers.map(({ file }) => file))], facts),
    ring: validRing(facts),
    ringFile: facts.ring?.file,
    catalog,
    asset,
    token,
    bearer,
    publicBuckets: args.values("public-bucket"),
    origins: args.flag("origins") || mediaUrl !== undefined,
    secretOf: (name) => (isOwnSetting(name) ? undefined : (process.env[name] ?? local.get(name))),
    originSecrets: {
      ...readOriginSecrets(configured("STAGEDOOR_ORIGIN_SECRETS")),
      ...(facts.development ? localOriginSecrets(catalog?.assets() ?? []) : {}),
    },
    grantIssuer: configured("STAGEDOOR_GRANT_ISSUER") ?? defaultGrantIssuer,
    probe: markedProbe(probeWith(fetch), { apiUrl, mediaUrl, ring: validRing(facts), clock: systemClock }),
    send: fetch,
    clock: systemClock,
  };
}

/** In development a secret may be sent to any server on this machine: the port of the live origin can be changed. */
function localOriginSecrets(assets: readonly Asset[]): OriginSecrets {
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

/** In development, the secrets of origins: of a deployment's file of secrets, or as `npm start` wrote them to .dev.vars. */
function localVariables({ deployment, development }: Facts): ReadonlyMap<string, string> {
  const file = join(projectRoot, deployment === undefined ? ".dev.vars" : developmentSecrets);
  const lines = development && existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^([A-Z][A-Z0-9_]*)=["']?(.*?)["']?$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** The credentials of the checks' own requests. */
interface Credentials {
  /** A viewer's bearer token. */
  readonly token: string | undefined;
  /** An operator's credential. */
  readonly bearer: string | undefined;
}

/** The credentials of --token and --bearer. For a local API, missing ones are signed with the ring's own keys. */
export async function credentialsOf(
  args: Args,
  apiUrl: string | undefined,
  ring: KeyRing | undefined,
): Promise<Credentials> {
  const local = apiUrl !== undefined && isLocalUrl(apiUrl) ? ring : undefined;
  return {
    token: readCredential(args, "token", "bearer token") ?? (local === undefined ? undefined : await devToken(local)),
    bearer:
      readCredential(args, "bearer", "operator's credential") ??
      (local === undefined ? undefined : await devBearer(local)),
  };
}

function readCredential(args: Args, option: "token" | "bearer", content: string): string | undefined {
  const file = args.value(option);
  return file === undefined ? undefined : readTextOrInput(file, content).trim();
}

/** A viewer's token of the development issuer; undefined if the ring has no key of that issuer. */
async function devToken(ring: KeyRing): Promise<string | undefined> {
  if (keysFor(ring, "token")[0]?.d === undefined) return undefined;
  return signDevToken(ring, { subject: "stagedoor-doctor", assets: "*", lifetimeSeconds: 120 });
}

async function devBearer(ring: KeyRing): Promise<string | undefined> {
  const key = operatorSigningKey(ring);
  if (key === undefined) return undefined;
  return (await signOperatorToken(key, { name: "doctor", scopes: ["operator:read"], lifetime: seconds(120) })).token;
}
