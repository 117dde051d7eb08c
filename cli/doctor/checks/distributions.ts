import { isLocalUrl } from "../../../src/base/origins.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { type Deployment, environmentNames } from "../../../src/deployment/config-schema.ts";
import { type Facts, isOnNode, uploadAdvice, validCatalog } from "../facts.ts";
import { type Finding, fault, notChecked, warning } from "../finding.ts";

/** Whether the deployment has what assets need whose URLs a function checks at CloudFront, in addition to a key. */
export function distributionFindings(facts: Facts): Finding[] {
  if (facts.development) return [];
  const assets = (validCatalog(facts)?.assets() ?? []).filter(({ cdn }) => cdn === "cloudfront");
  const stores = facts.deployment === undefined ? [] : storeFindings(facts.deployment, facts);
  return [
    ...assets.flatMap(addressFindings),
    ...(assets.length > 0 || functionCdns(facts.deployment).length > 0 ? secretFindings(facts) : []),
    ...stores,
  ];
}

function functionCdns(deployment: Deployment | undefined) {
  return Object.entries(deployment?.config.cdns ?? {}).flatMap(([name, cdn]) =>
    cdn.type === "cloudfront-function" ? [{ name, store: cdn.store }] : [],
  );
}

/** The catalog accepts plain http on this machine alone. */
function addressFindings({ id, cdnUrl }: Asset): Finding[] {
  if (cdnUrl === undefined || !isLocalUrl(cdnUrl)) return [];
  return [
    fault(
      "cdn_local",
      `asset ${id}`,
      `Its cdnUrl is ${cdnUrl}, on the local machine: no player elsewhere can load it.`,
      "Set it to https and the distribution's host.",
    ),
  ];
}

const consequence =
  "the media host sees CloudFront's addresses in place of the viewers', so a session that is bound to a network plays nowhere";

/** The header by which the media host knows CloudFront needs its value in a secret, of which a file has at least the name. */
function secretFindings(facts: Facts): Finding[] {
  const name = "STAGEDOOR_EDGE_SECRETS";
  const workers = facts.workers.filter(({ worker }) => worker === "edge" || worker === "manifest");
  const files = [...new Set(workers.map(({ file }) => file))];
  if (facts.deployment !== undefined) {
    const { edgeSecrets } = facts;
    if (edgeSecrets === undefined)
      return [
        notChecked(
          name,
          `\`npx stagedoor secrets new --env ${facts.environment}\` makes secrets-${facts.environment}.env, which has it.`,
        ),
      ];
    if (edgeSecrets.fault === undefined) return [];
    return [
      fault(
        "edge_secret_missing",
        name,
        `In ${edgeSecrets.file} it ${edgeSecrets.fault}: ${consequence}.`,
        `\`npx stagedoor secrets new --env ${facts.environment}\` adds a missing line. Then ${uploadAdvice(name, files, facts)}.`,
      ),
    ];
  }
  const unlisted = workers.filter(({ secrets }) => !secrets.includes(name)).map(({ file }) => file);
  if (unlisted.length === 0) return [];
  return [
    warning(
      "edge_secret_missing",
      name,
      `Assets are at CloudFront, and ${unlisted.join(" and ")} ${unlisted.length > 1 ? "do" : "does"} not list it as required. If it is not set, ${consequence}.`,
      `Add it to \`required\` under [env.${facts.environment}.secrets] in ${unlisted.join(" and ")}, and ${uploadAdvice(name, unlisted, facts)}.`,
    ),
  ];
}

const silence = "the function refuses everything an hour after the last time";

/** A CDN whose store no service can keep in step, because its ARN or the access key is not in the files. */
function storeFindings(deployment: Deployment, facts: Facts): Finding[] {
  const name = environmentNames.find((one) => one === facts.environment);
  if (name === undefined) return [];
  return functionCdns(deployment).flatMap((cdn) => {
    const about = `cdns.${cdn.name}.store.${name}`;
    if (cdn.store?.[name] === undefined)
      return [
        warning(
          "store_unnamed",
          about,
          `It does not name the function's KeyValueStore. Only \`npx stagedoor cloudfront sync\` with --store can keep the store in step, and ${silence}.`,
          `Add "store": {"${name}": "<the ARN>"}, an output of the template.`,
        ),
      ];
    // On Node the access key is one of AWS's own variables, profiles or roles.
    if (isOnNode(deployment) || facts.hasAccessKey !== false) return [];
    return [
      warning(
        "store_unwritten",
        about,
        `secrets-${name}.env has no STAGEDOOR_AWS_KEY_ID and STAGEDOOR_AWS_SECRET_KEY, so the API cannot keep this store in step. Only \`npx stagedoor cloudfront sync --watch\` can, and ${silence}.`,
        `\`npx stagedoor secrets new --env ${name}\` adds the lines. Fill them in, and ${uploadAdvice(
          "STAGEDOOR_AWS_KEY_ID",
          facts.workers.filter(({ worker }) => worker === "api").map(({ file }) => file),
          facts,
        )}.`,
      ),
    ];
  });
}
