import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seconds, systemClock } from "../../src/base/seconds.ts";
import { isOwnSetting } from "../../src/catalog/asset-origin.ts";
import { defaultGrantIssuer } from "../../src/config/settings.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { keysFor } from "../../src/keys/ring.ts";
import type { Given } from "../commands/command.ts";
import { readText } from "../commands/files.ts";
import { operatorSigningKey, signOperatorToken } from "../commands/operator-token.ts";
import { endMisused } from "../commands/outcome.ts";
import { signDevToken } from "../local/dev-token.ts";
import { projectRoot } from "../project.ts";
import { environmentOf, type Facts, soundCatalog, soundRing, workerOf } from "./facts.ts";
import { askWith } from "./live/ask.ts";
import { isLocal, type Live } from "./live/live.ts";

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

/** What the checks after a deployment work with. On this machine the ring's own keys stand in for credentials. */
export async function gatherLive(given: Given, facts: Facts): Promise<Live> {
  const { apiUrl, mediaUrl } = addressesOf(given);
  const ring = soundRing(facts);
  const local = apiUrl !== undefined && isLocal(apiUrl) ? ring : undefined;
  const edge = workerOf(facts, "edge");
  const settings = edge === undefined ? {} : environmentOf(edge, facts);
  const configured = (name: string) => (typeof settings[name] === "string" ? settings[name] : undefined);
  const catalog = soundCatalog(facts);
  const asset = given.one("asset");
  if (asset !== undefined && catalog?.asset(asset) === undefined)
    endMisused("--asset names no asset of the catalog. `npx stagedoor assets list` names them.");
  return {
    apiUrl,
    mediaUrl,
    // Development's workers stand wherever they were started.
    configured: {
      apiUrl: facts.development ? undefined : configured("STAGEDOOR_API_URL"),
      mediaUrl: facts.development ? undefined : configured("STAGEDOOR_MEDIA_URL"),
    },
    ring,
    catalog,
    asset,
    token: credential(given, "token", "the bearer token") ?? (local === undefined ? undefined : await devToken(local)),
    bearer:
      credential(given, "bearer", "the operator's credential") ??
      (local === undefined ? undefined : await devOperator(local)),
    publicBuckets: given.all("public-bucket"),
    origins: given.on("origins") || mediaUrl !== undefined,
    secretOf: secretsFrom(facts.development),
    grantIssuer: configured("STAGEDOOR_GRANT_ISSUER") ?? defaultGrantIssuer,
    ask: askWith(fetch),
    send: fetch,
    clock: systemClock,
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

/** The secrets of origins by their names: of this process's environment and, in development, of what `npm start` wrote. */
function secretsFrom(development: boolean): (name: string) => string | undefined {
  const file = join(projectRoot, ".dev.vars");
  const lines = development && existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  const local = new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^([A-Z][A-Z0-9_]*)=["']?(.*?)["']?$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
  return (name) => (isOwnSetting(name) ? undefined : (process.env[name] ?? local.get(name)));
}
