import type { UnixSeconds } from "../../src/base/time.ts";
import { defaultGrantIssuer } from "../../src/config/settings.ts";
import { problemFor } from "../../src/http/problems.ts";
import { explainGrant, hasGrantForm, targetOf } from "../../src/operator/explain/explain-grant.ts";
import { explainToken } from "../../src/operator/explain/explain-token.ts";
import { type ExplainContext, explainUrl } from "../../src/operator/explain/explain-url.ts";
import type { Explanation, Step } from "../../src/operator/explain/explanation.ts";
import { explanationJson, troubleshootingPath } from "../../src/operator/operator-json.ts";
import { oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/verify-cloudfront.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { type Answered, type Command, endFailed, endMisused, type Given } from "../lib/command.ts";
import { catalogOption, readCatalog, readRing, ringOption } from "../lib/files.ts";
import { devIssuers } from "../lib/issuers.ts";
import { coloured, readTime } from "../lib/text.ts";

export const mediaUrlOption = { "media-url": { type: "string" } } as const;

/** The media host's URL: scheme, host and port. */
export function mediaUrlOf(given: Given): string {
  const text = given.one("media-url") ?? "http://localhost:8788";
  const sound = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
  return sound ? text : endMisused("--media-url takes scheme, host and port, such as https://media.example.com.");
}

/** `iss` of the deployment's grants, from the same setting as the workers'. */
export function grantIssuer(): string {
  return process.env.STAGEDOOR_GRANT_ISSUER ?? defaultGrantIssuer;
}

export const explainCommand: Command = {
  name: "explain",
  summary: "say what a URL grants, and why it is served or refused",
  operands: ["<url>"],
  options: {
    ...ringOption,
    ...catalogOption,
    ...mediaUrlOption,
    now: { type: "string" },
    address: { type: "string" },
    renewal: { type: "string" },
  },
  help: `Says step by step what a URL of the media host or of CloudFront grants, and whether it would be served, by the same
check as the edge worker's. Takes a grant alone too, and a JWT of the development issuer; "token --inspect" takes any token.
Shows no grant, signature or token. Whether the origin has the file is not looked at. Ends with 1 where the URL would be
refused.

  --now <time>       as if it were this time: now, +8h, 1795000000, 2026-11-18T11:06:40Z (now)
  --address <ip>     the viewer's address, for a CloudFront policy that asks for one
  --renewal <mode>   redirect or off, as STAGEDOOR_RENEWAL (redirect)
  --media-url <url>  the media host's URL (http://localhost:8788)
  --ring <file>      the key ring (.stagedoor/keys.json of the project)
  --catalog <file>   the catalog (fixtures/catalog.json of the project)

Put the URL in single quotes: it holds ? and &.`,
  run: async (given) => {
    const [text = ""] = given.operands;
    const now = readTime("now", given.one("now") ?? "now");
    const target = targetOf(text);
    if (target !== undefined)
      return { ...answer(await explainTarget(given, target, now), now), note: hostNote(text, mediaUrlOf(given)) };
    if (hasGrantForm(text)) return answer(explainGrant(text, await contextOf(given, now)), now);
    if (!/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text))
      endMisused("Give a whole URL, a path with its query that begins with a slash, a grant, or a bearer token.");
    return answer(await explainToken(text, { issuers: devIssuers(await readRing(given), text) }, now), now);
  },
};

/** The edge looks at no host, but a CloudFront signature covers it: so another one is worth a word. */
function hostNote(text: string, mediaUrl: string): string | undefined {
  if (text.startsWith("/") || text.startsWith(`${mediaUrl}/`)) return undefined;
  return `The URL does not begin with ${mediaUrl}. It was checked as if the media host, or the catalog's distribution, had received it. --media-url names the media host.`;
}

async function explainTarget(given: Given, target: string, now: UnixSeconds): Promise<Explanation> {
  return explainUrl(target, await contextOf(given, now));
}

async function contextOf(given: Given, now: UnixSeconds): Promise<ExplainContext> {
  const renewal = given.one("renewal") ?? "redirect";
  if (renewal !== "redirect" && renewal !== "off") return endMisused("--renewal takes redirect or off.");
  const mediaUrl = mediaUrlOf(given);
  const catalog = readCatalog(given);
  const ring = await readRing(given);
  const publicKeys = await publicKeysOf(ring, () => now);
  if (!publicKeys.ok) return endFailed(["The key ring is faulty:", ...publicKeys.refusal].join("\n  "));
  const keys = await prepareSessionKeys(ring, oneShotHmac);
  const address = given.one("address");
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

const verdictWords = {
  served: "Served",
  renewed: "Renewed by redirect",
  accepted: "Accepted",
  refused: "Refused",
} as const satisfies Record<Explanation["verdict"], string>;

/** An explanation for people and for programs; it ends the command with 1 where it is of a refusal. */
export function answer(explanation: Explanation, now: UnixSeconds): Answered {
  const { verdict, refusal, grants, steps } = explanation;
  const problem = refusal === undefined ? undefined : { ...refusal, ...problemFor(refusal.code) };
  const json = explanationJson(explanation, now);
  const outcome =
    problem === undefined
      ? `${coloured("green", `${verdictWords[verdict]}:`)} ${grants}.`
      : `${coloured("red", `${verdictWords[verdict]}:`)} ${problem.code} (${problem.status}). ${problem.title}.
  Why         ${problem.reason}
  What to do  ${problem.detail}
  More        ${troubleshootingPath(problem.code)}`;
  const exit = verdict === "refused" ? 1 : 0;
  return { exit, text: `${steps.map(line).join("\n")}\n\n${outcome}`, json };
}

const marks = { pass: ["green", "ok"], fail: ["red", "NO"], info: ["gray", "--"] } as const;

function line({ part, state, text }: Step): string {
  const [colour, mark] = marks[state];
  return `${coloured(colour, mark)}  ${part.padEnd(12)}  ${text}`;
}
