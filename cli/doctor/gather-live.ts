import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/seconds.ts";
import { isOwnSetting } from "../../src/catalog/asset-origin.ts";
import { defaultGrantIssuer } from "../../src/config/settings.ts";
import type { Given } from "../commands/command.ts";
import { endMisused } from "../commands/outcome.ts";
import { projectRoot } from "../project.ts";
import type { Credentials } from "./credentials.ts";
import { environmentOf, type Facts, soundCatalog, soundRing, workerOf } from "./facts.ts";
import { askWith } from "./live/ask.ts";
import type { Live } from "./live/live.ts";

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
  const catalog = soundCatalog(facts);
  const asset = given.one("asset");
  if (asset !== undefined && catalog !== undefined && catalog.asset(asset) === undefined)
    endMisused("--asset names no asset of the catalog. `npx stagedoor assets list` names them.");
  return {
    apiUrl,
    mediaUrl,
    // Development's workers stand wherever they were started.
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
    secretOf: secretsFrom(facts.development),
    grantIssuer: configured("STAGEDOOR_GRANT_ISSUER") ?? defaultGrantIssuer,
    ask: askWith(fetch),
    send: fetch,
    clock: systemClock,
  };
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
