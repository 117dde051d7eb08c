import { rootFaults } from "../../../src/catalog/asset-origin.ts";
import { describeFault } from "../../../src/catalog/catalog-fault.ts";
import { readOriginSecrets, secretFaults } from "../../../src/catalog/origin-secrets.ts";
import { rootsOf } from "../../../src/deployment/catalog-of.ts";
import { environmentNames } from "../../../src/deployment/config-schema.ts";
import { environmentOf, type Facts, uploadAdvice, validCatalog, workerOf } from "../facts.ts";
import { type Check, type Finding, fault, notChecked, warning } from "../finding.ts";
import { catalogOptions } from "../live/live.ts";
import { originSecrets } from "./configuration.ts";
import { ruleFindings } from "./rules.ts";

/** Whether the catalog is valid, and whether the deployment has the buckets, folders, secrets and headers that it names. */
export const catalogCheck: Check<Facts> = {
  name: "catalog",
  passed: "the catalog is valid, and the deployment has the buckets, folders and secrets that it names",
  run: (facts) => {
    const { catalog } = facts;
    if (facts.catalogUnread !== undefined)
      return [
        warning(
          "catalog_unread",
          "the catalog",
          facts.catalogUnread,
          "Fix the other findings and give --bearer a credential with the scope operator:read, or give a file with --catalog.",
        ),
      ];
    if (catalog === undefined) return [notChecked("the catalog", `Give ${catalogOptions}.`)];
    if (!catalog.parsed.ok)
      return catalog.parsed.refusal.map((error) =>
        fault(
          "catalog_invalid",
          `${catalog.where}${error.asset === undefined ? "" : `: ${error.asset}`}`,
          describeFault(error),
          error.advice,
        ),
      );
    return [
      ...bucketFindings(facts),
      ...rootFindings(facts),
      ...originFindings(facts),
      ...unlistedSecretFindings(facts),
      ...unboundSecretFindings(facts),
      ...ruleFindings(facts),
    ];
  },
};

/** Both workers need a bucket: the manifest worker reads its playlists, the edge worker all other files. */
function bucketFindings(facts: Facts): Finding[] {
  const assets = validCatalog(facts)?.assets() ?? [];
  const names = new Set(assets.flatMap(({ origin }) => (origin.type === "r2" ? [origin.binding] : [])));
  const workers = facts.workers.filter(({ worker }) => worker === "edge" || worker === "manifest");
  return [...names].flatMap((name) =>
    workers
      .filter((worker) => !worker.buckets.some(({ binding }) => binding === name))
      .map(({ file, worker }) =>
        fault(
          "bucket_unbound",
          facts.deployment === undefined ? `${file}: ${name}` : `${file}, ${worker}: ${name}`,
          "The catalog names this bucket binding, and the worker does not have it: files in the bucket answer 500.",
          facts.deployment === undefined
            ? `Add [[r2_buckets]] with binding = "${name}" for this environment.`
            : `Add an origin of the type r2 with this name in lower case under \`origins\`, and deploy.`,
        ),
      ),
  );
}

function rootFindings(facts: Facts): Finding[] {
  const environment = environmentNames.find((name) => name === facts.environment);
  const roots = facts.deployment === undefined ? [] : [...rootsOf(facts.deployment.config, environment).keys()];
  return rootFaults(validCatalog(facts)?.assets() ?? [], roots).map(({ asset, advice }) =>
    fault("root_unknown", `asset ${asset}`, "The deployment has no such root: its files answer 500.", advice),
  );
}

function originFindings(facts: Facts): Finding[] {
  const assets = validCatalog(facts)?.assets() ?? [];
  return assets.flatMap(({ id, origin }): Finding[] => {
    if (origin.type !== "http") return [];
    const local = origin.url.startsWith("http:");
    return [
      ...(local && !facts.development
        ? [
            fault(
              "origin_local",
              `asset ${id}`,
              "Its origin is on the local machine, which no deployed worker can reach.",
              "Put the origin's https address into origin.url.",
            ),
          ]
        : []),
      ...(origin.auth === undefined
        ? [
            warning(
              "origin_without_auth",
              `asset ${id}`,
              "The origin requires no authentication: anyone with its URL can download every file without Stagedoor.",
              "Make the origin require a secret header or SigV4, and configure it under origin.auth.",
            ),
          ]
        : []),
    ];
  });
}

/** The workers send a secret only as STAGEDOOR_ORIGIN_SECRETS allows; other files answer 500. Locally the programs that start them set it. */
function unboundSecretFindings(facts: Facts): Finding[] {
  const edge = workerOf(facts, "edge");
  if (facts.development || edge === undefined) return [];
  const bound = readOriginSecrets(environmentOf(edge, facts).STAGEDOOR_ORIGIN_SECRETS);
  return secretFaults(validCatalog(facts)?.assets() ?? [], bound).map(({ asset, advice }) =>
    fault(
      "origin_secret_unbound",
      `asset ${asset}`,
      "STAGEDOOR_ORIGIN_SECRETS does not allow this use of its origin's secret: the workers answer 500 for its files.",
      advice,
    ),
  );
}

/** Doctor cannot read the workers' secrets, only the names that a worker's file lists as required. */
function unlistedSecretFindings(facts: Facts): Finding[] {
  if (facts.development) return [];
  const assets = validCatalog(facts)?.assets() ?? [];
  const names = new Set(assets.flatMap(({ origin }) => (origin.type === "http" ? originSecrets(origin.auth) : [])));
  const workers = facts.workers.filter(({ worker }) => worker === "edge" || worker === "manifest");
  return [...names].flatMap((name) => {
    const unlisted = workers.filter((worker) => !worker.secrets.includes(name));
    if (unlisted.length === 0) return [];
    const files = [...new Set(unlisted.map(({ file }) => file))].join(" and ");
    return [
      warning(
        "origin_secret_unlisted",
        name,
        `The catalog's origins require this secret, and ${files} ${files.includes(" and ") ? "do" : "does"} not list it as required: a deployment without it answers 500 for those assets.`,
        `${
          facts.deployment === undefined
            ? `Add it to \`required\` under [env.${facts.environment}.secrets] in ${files}`
            : `Add it under \`secrets\`, and name it as the \`secret\` of an origin`
        }, and ${uploadAdvice(
          name,
          workers.map(({ file }) => file),
          facts,
        )}.`,
      ),
    ];
  });
}
