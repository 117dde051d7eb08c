import { placeMembersOf } from "../../../src/catalog/conditions.ts";
import { settingsSchema } from "../../../src/config/settings.ts";
import { environmentOf, type Facts, validCatalog, workerOf } from "../facts.ts";
import { type Finding, fault, warning } from "../finding.ts";

/** Whether the deployment can check the rules of its assets: who tells a client's place, and who renews URLs. */
export function ruleFindings(facts: Facts): Finding[] {
  return [...untoldFindings(facts), ...renewalFindings(facts)];
}

/** On Node nobody tells a member of a place whose header has no name, so every viewer of such an asset is refused. */
function untoldFindings(facts: Facts): Finding[] {
  const host = facts.deployment?.config.host;
  if (host?.type !== "node") return [];
  return (validCatalog(facts)?.assets() ?? []).flatMap((asset) => {
    const missing = placeMembersOf(asset).filter((member) => host.placeHeaders?.[member] === undefined);
    if (missing.length === 0) return [];
    return [
      fault(
        "place_untold",
        asset.id,
        `Its countries or places ask for ${missing.join(", ")} of a client, and host.placeHeaders names no header for ${missing.length === 1 ? "it" : "them"}: viewers are refused.`,
        `Name the headers that your proxy sets in host.placeHeaders of stagedoor.config.json: "${missing[0]}": "X-Client-${missing[0]}".`,
      ),
    ];
  });
}

/** CloudFront's function has no catalog, so it renews URLs whatever the rules say now. */
function renewalFindings(facts: Facts): Finding[] {
  const api = workerOf(facts, "api");
  const text = api && environmentOf(api, facts).STAGEDOOR_CLOUDFRONT_RENEWAL;
  const renewal = settingsSchema.shape.STAGEDOOR_CLOUDFRONT_RENEWAL.safeParse(text);
  if (renewal.success && renewal.data === "manifest") return [];
  const ruled = (validCatalog(facts)?.assets() ?? []).filter(
    ({ cdn, countries, places, origins, players }) =>
      cdn === "cloudfront" && [countries, places, origins, players].some((rule) => rule !== undefined),
  );
  return ruled.map(({ id }) =>
    warning(
      "rules_not_renewed",
      id,
      "CloudFront's function renews its URLs without a look at its rules: a film that is playing keeps the rules of its playlists until the session ends.",
      "Set STAGEDOOR_CLOUDFRONT_RENEWAL to manifest, at the cost of a request to the media host for each renewal; or accept it.",
    ),
  );
}
