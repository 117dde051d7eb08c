import { randomBytes } from "node:crypto";
import { entryPlace } from "../../../src/catalog/asset.ts";
import { newSessionKey } from "../../../src/keys/generate.ts";
import { keysFor, signingKey } from "../../../src/keys/ring.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { type Check, type Finding, fault, notLookedAt } from "../finding.ts";
import { eachOf, told } from "./ask.ts";
import { mediaUrlUnder } from "./keys.ts";
import { assetsOf, giveCatalog, isMediaHost, type Live } from "./live.ts";

/** Whether the media host refuses requests without a grant, and with another deployment's grant. */
export const mediaCheck: Check<Live> = {
  name: "media host",
  held: "it refuses who has no grant, and who has a stranger's",
  run: async (live) => {
    const { mediaUrl } = live;
    if (mediaUrl === undefined || live.catalog === undefined)
      return [notLookedAt("what the media host refuses", `Give --media and ${giveCatalog}.`)];
    if (assetsOf(live).length === 0) return [notLookedAt("what the media host refuses", "The catalog has no asset.")];
    const plain = await live.ask(`${mediaUrl}/doctor/index.m3u8`);
    if (plain === "silent") return [notLookedAt("what the media host refuses", "It does not answer.")];
    // A refusal of somebody else's would be taken for the edge worker's own.
    if (plain.status >= 300 && !isMediaHost(plain))
      return [
        notLookedAt("what the media host refuses", `It answers ${told(plain)}, as the edge worker does to nobody.`),
      ];
    // Of the kid that is in use: a host that looked no further would let it in.
    const kid = signingKey(live.ring === undefined ? [] : keysFor(live.ring, "session"), live.clock())?.kid;
    const [stranger] = (
      await prepareSessionKeys({ keys: [newSessionKey(kid ?? "stranger", randomBytes)] }, oneShotHmac)
    ).values();
    return eachOf(assetsOf(live), async (asset) => {
      const entry = entryPlace(asset);
      const path = `/${asset.id}/${entry.path}`;
      const context = { mediaUrl, grantIssuer: live.grantIssuer, now: live.clock() };
      const asked = [
        { what: "without a grant", url: `${mediaUrl}${path}${entry.query === "" ? "" : `?${entry.query}`}` },
        ...(stranger === undefined
          ? []
          : [
              {
                what: "with a stranger's grant",
                url: mediaUrlUnder(stranger, { asset, path, query: entry.query, purpose: "playlist" }, context),
              },
            ]),
      ];
      const found: Finding[] = [];
      for (const { what, url } of asked) {
        const answer = await live.ask(url, { follow: true });
        if (answer === "silent")
          found.push(notLookedAt(`asset ${asset.id} ${what}`, "The media host does not answer within 5 s."));
        if (answer === "silent" || answer.status >= 300) continue;
        found.push(
          fault(
            "media_open",
            `asset ${asset.id}`,
            `The media host answers ${told(answer)} to its entry ${what}: everybody can play it.`,
            "Check that the route leads to the edge worker, and that nothing in front of it (a cache rule, another worker) answers by itself.",
          ),
        );
      }
      return found;
    });
  },
};
