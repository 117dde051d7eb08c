import { join } from "node:path";
import type { UnixSeconds } from "../../src/base/time.ts";
import { configFile, environmentNames } from "../../src/deployment/config-schema.ts";
import { addressesOf } from "../../src/deployment/wrangler-config.ts";
import { explainGrant, hasGrantForm, isApiPath, targetOf } from "../../src/operator/explain/explain-grant.ts";
import { explainToken } from "../../src/operator/explain/explain-token.ts";
import { type ExplainContext, explainUrl } from "../../src/operator/explain/explain-url.ts";
import { oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/verify-cloudfront.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { type Args, type Command, endFailed, endInvalid, endMisused } from "../lib/command.ts";
import { ownConfig } from "../lib/deployment-folder.ts";
import { explained } from "../lib/explained.ts";
import { readRing } from "../lib/files.ts";
import { backendSources, claimMismatch, devIssuers, ownCredentialNote } from "../lib/issuers.ts";
import { defaultCatalogName, inDeployment, projectRoot, startProgram } from "../lib/project.ts";
import { grantIssuer } from "../lib/sign-media-url.ts";
import { readTime } from "../lib/text.ts";
import { defaultCatalogNote, readWhichCatalog, whichCatalogOptions } from "../lib/which-catalog.ts";

export const mediaUrlOption = { "media-url": { type: "string" } } as const;

/** The URL of the media host: scheme, host and port. */
export function mediaUrlOf(args: Args): string {
  const url = args.value("media-url") ?? "http://localhost:8788";
  const isValid = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && new URL(url).origin === url;
  if (isValid) return url;
  const whole = url.includes("://") ? url : `https://${url}`;
  const meant = URL.canParse(whole) && /^https?:$/.test(new URL(whole).protocol) ? new URL(whole).origin : undefined;
  const example = meant === undefined ? "such as https://media.example.com" : `such as ${meant}`;
  return endInvalid("media-url", url, `scheme, host and port, ${example}`);
}

export const explainCommand: Command = {
  name: "explain",
  summary: "explain what a URL grants, and why it is served or refused",
  operands: ["<url>"],
  options: {
    ...whichCatalogOptions,
    ...mediaUrlOption,
    env: { type: "string" },
    now: { type: "string" },
    address: { type: "string" },
    renewal: { type: "string" },
  },
  help: `Explains step by step what a URL of the media host or of CloudFront grants, and whether the edge worker would serve it, by
that worker's own checks. Also accepts a grant, and a JWT of the development issuer; for other tokens use token --inspect.
Shows no grant, signature or token, and does not check whether the origin has the file. Exits with 1 if the URL would be
refused.

  --now <time>       the time to check at: now, +8h, 1795000000, 2026-11-18T11:06:40Z (now)
  --address <ip>     the viewer's address, for a CloudFront policy that requires one
  --renewal <mode>   redirect or off, the value of STAGEDOOR_RENEWAL (redirect)
  --env <name>       an environment of stagedoor.config.json: its media host and keys-<name>.json are used
  --media-url <url>  the media host's URL (http://localhost:8788)
  --ring <file>      the key ring (.stagedoor/keys.json of the project)
  --catalog <file>   the catalog (${defaultCatalogName})
  --api <url>        the API of a service whose live catalog is used instead; ${startProgram}: http://localhost:8787
  --bearer <file>    an operator's credential for it with the scope operator:read; - reads it from standard input

Put the URL in single quotes, because it contains ? and &.`,
  run: async (given) => {
    const args = forEnvironment(given);
    const [text = ""] = args.operands;
    const now = readTime("now", args.value("now") ?? "now");
    const target = targetOf(text);
    if (target !== undefined) {
      const context = await contextOf(args, now);
      const [, asset = ""] = target.split("/");
      if (isApiPath(target) && context.catalog.asset(asset) === undefined)
        endMisused(
          "<url> is an address of the API, and explain is for URLs of the media host: give the manifestUrl of a start, or a URL in its playlists.",
        );
      const explanation = await explainUrl(target, context);
      const catalogNote = explanation.refusal?.code === "asset_unknown" ? defaultCatalogNote(args) : undefined;
      const notes = [hostNote(text, context.mediaUrl), ringNote(explanation.refusal?.code, args), catalogNote].filter(
        (note) => note !== undefined,
      );
      return { ...explained(explanation, now), note: notes.join("\n") || undefined };
    }
    if (hasGrantForm(text)) return explained(explainGrant(text, await contextOf(args, now)), now);
    if (!/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text))
      endMisused("<url> must be a whole URL, a path that begins with a slash, a grant, or a bearer token.");
    const sources = (await backendSources(text, () => readRing(args))) ?? {
      issuers: devIssuers(await readRing(args), text),
    };
    const explanation = await explainToken(text, sources, now);
    return { ...explained(explanation, now, claimMismatch(text, sources.issuers)), note: ownCredentialNote(text) };
  },
};

/** With --env, the options that are not given have the values of that environment of the folder's configuration. */
function forEnvironment(args: Args): Args {
  const environment = args.value("env");
  if (environment === undefined) return args;
  const config = ownConfig();
  const names = environmentNames.filter((name) => config?.environments[name] !== undefined);
  const name = names.find((known) => known === environment);
  if (config === undefined)
    return endMisused(`--env is for a folder with ${configFile}: change to it, or give --ring and --media-url.`);
  if (name === undefined) return endInvalid("env", environment, names.join(" or "));
  const standard: Readonly<Record<string, string>> = {
    ring: join(projectRoot, `keys-${name}.json`),
    "media-url": addressesOf(config, name).mediaUrl,
  };
  return { ...args, value: (option) => args.value(option) ?? standard[option] };
}

/** An unknown key means nothing if the ring is that of development, and the deployment has others. */
function ringNote(code: string | undefined, args: Args): string | undefined {
  if (code !== "key_unknown" || !inDeployment || args.value("ring") !== undefined) return undefined;
  return "It was checked with the development keys. --env production checks it with those of a deployment, --ring <file> with a ring file.";
}

/** The edge ignores the host of a URL, but a CloudFront signature covers it. */
function hostNote(text: string, mediaUrl: string): string | undefined {
  if (text.startsWith("/") || text.startsWith(`${mediaUrl}/`)) return undefined;
  return `The URL does not begin with ${mediaUrl}. It was checked as a URL of the media host or of the catalog's distribution. --media-url sets the media host.`;
}

async function contextOf(args: Args, now: UnixSeconds): Promise<ExplainContext> {
  const renewal = args.value("renewal") ?? "redirect";
  if (renewal !== "redirect" && renewal !== "off") return endInvalid("renewal", renewal, "redirect or off");
  const mediaUrl = mediaUrlOf(args);
  const catalog = await readWhichCatalog(args);
  const ring = await readRing(args);
  const publicKeys = await publicKeysOf(ring, () => now);
  if (!publicKeys.ok) return endFailed(["The key ring is invalid:", ...publicKeys.refusal].join("\n  "));
  const keys = await prepareSessionKeys(ring, oneShotHmac);
  const address = args.value("address");
  return {
    now,
    keys,
    catalog,
    grantIssuer: grantIssuer(),
    renewal,
    mediaUrl,
    address,
    client: "anybody",
    publicKeys: publicKeys.value,
  };
}
