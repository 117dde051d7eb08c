import { randomBytes } from "node:crypto";
import { entryPlace } from "../../../src/catalog/asset.ts";
import { newSessionKey } from "../../../src/keys/generate.ts";
import { keysFor, signingKey } from "../../../src/keys/ring.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { type Check, type Finding, fault, notChecked } from "../finding.ts";
import { doctorUrl } from "./keys.ts";
import { assetsOf, catalogOptions, isMediaHost, type Live } from "./live.ts";
import { checkEach, statusText } from "./probe.ts";

/** Whether the media host refuses requests without a grant, and with another deployment's grant. */
export const mediaCheck: Check<Live> = {
  name: "media host",
  passed: "it refuses requests without a grant, and with another deployment's grant",
  run: async (live) => {
    const { mediaUrl } = live;
    if (mediaUrl === undefined || live.catalog === undefined)
      return [notChecked("what the media host refuses", `Give --media and ${catalogOptions}.`)];
    if (assetsOf(live).length === 0) return [notChecked("what the media host refuses", "The catalog has no asset.")];
    const unsigned = await live.probe(`${mediaUrl}/doctor/index.m3u8`);
    if (unsigned === "silent") return [notChecked("what the media host refuses", "It does not answer.")];
    // A refusal by another server must not count as one by the edge worker.
    if (unsigned.status >= 300 && !isMediaHost(unsigned))
      return [
        notChecked("what the media host refuses", `It answers ${statusText(unsigned)}, as the edge worker never does.`),
      ];
    // A new key under the kid in use: a host that compared only the kid would accept its grant.
    const kid = signingKey(live.ring === undefined ? [] : keysFor(live.ring, "session"), live.clock())?.kid;
    const [stranger] = (
      await prepareSessionKeys({ keys: [newSessionKey(kid ?? "stranger", randomBytes)] }, oneShotHmac)
    ).values();
    return checkEach(assetsOf(live), async (asset) => {
      const entry = entryPlace(asset);
      const path = `/${asset.id}/${entry.path}`;
      const context = { mediaUrl, grantIssuer: live.grantIssuer, now: live.clock() };
      const requests = [
        { credential: "without a grant", url: `${mediaUrl}${path}${entry.query === "" ? "" : `?${entry.query}`}` },
        ...(stranger === undefined
          ? []
          : [
              {
                credential: "with another deployment's grant",
                url: doctorUrl(stranger, { asset, path, query: entry.query, purpose: "playlist" }, context),
              },
            ]),
      ];
      const findings: Finding[] = [];
      for (const { credential, url } of requests) {
        const response = await live.probe(url, { follow: true });
        if (response === "silent")
          findings.push(notChecked(`asset ${asset.id} ${credential}`, "The media host does not answer within 5 s."));
        if (response === "silent" || response.status >= 300) continue;
        findings.push(
          fault(
            "media_open",
            `asset ${asset.id}`,
            `The media host answers ${statusText(response)} to a request for its entry ${credential}: anyone can play it.`,
            "Check that the route leads to the edge worker, and that nothing in front of it (a cache rule, another worker) answers instead.",
          ),
        );
      }
      return findings;
    });
  },
};
