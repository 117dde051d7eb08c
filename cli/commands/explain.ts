import { oneShotHmac } from "../../src/adapters/node/one-shot-hmac.ts";
import type { UnixSeconds } from "../../src/base/seconds.ts";
import type { Explanation } from "../../src/flows/explain/explanation.ts";
import { explainGrant, hasGrantForm } from "../../src/flows/explain/grant.ts";
import { targetOf } from "../../src/flows/explain/target.ts";
import { explainToken } from "../../src/flows/explain/token.ts";
import { type ExplainContext, explainUrl } from "../../src/flows/explain/url.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/key-ring.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";
import type { Command, Given } from "./command.ts";
import { grantIssuer, mediaUrlOf, mediaUrlOption } from "./deployment.ts";
import { answer } from "./explanation-answer.ts";
import { catalogOption, readCatalog, readRing, ringOption } from "./files.ts";
import { devIssuers } from "./issuers.ts";
import { endFailed, endMisused } from "./outcome.ts";
import { readTime } from "./times.ts";

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
  --media-url <url>  where the media host stands (http://localhost:8788)
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
  return `The URL does not begin with ${mediaUrl}: it was judged as if the media host, or the distribution that the catalog names, had got it. --media-url says where the media host stands.`;
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
