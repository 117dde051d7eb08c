import { describeFault } from "../../../src/catalog/catalog-fault.ts";
import { readOriginSecrets, secretFaults } from "../../../src/catalog/origin-secrets.ts";
import { environmentOf, type Facts, handOver, soundCatalog, workerOf } from "../facts.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { giveCatalog } from "../live/live.ts";
import { originSecrets } from "./configuration.ts";

/** The catalog, and what it needs of the workers. */
export const catalogCheck: Check<Facts> = {
  name: "catalog",
  held: "the catalog is valid, and the workers have the buckets and secrets that it names",
  run: (facts) => {
    const { catalog: file } = facts;
    if (facts.catalogUnread !== undefined)
      return [
        warning(
          "catalog_unread",
          "the catalog",
          facts.catalogUnread,
          "Fix the other findings and give --bearer a credential with operator:read, or name a file with --catalog.",
        ),
      ];
    if (file === undefined) return [notLookedAt("the catalog", `Give ${giveCatalog}.`)];
    if (!file.parsed.ok)
      return file.parsed.refusal.map((told) =>
        fault(
          "catalog_invalid",
          `${file.where}${told.asset === undefined ? "" : `: ${told.asset}`}`,
          describeFault(told),
          told.advice,
        ),
      );
    return [...buckets(facts), ...origins(facts), ...secrets(facts), ...unboundSecrets(facts)];
  },
};

/** A bucket has to be bound to both: the manifest worker reads playlists, the edge all other files. */
function buckets(facts: Facts): Finding[] {
  const assets = soundCatalog(facts)?.assets() ?? [];
  const names = new Set(assets.flatMap(({ origin }) => (origin.type === "r2" ? [origin.binding] : [])));
  const workers = facts.workers.filter(({ worker }) => worker === "edge" || worker === "manifest");
  return [...names].flatMap((name) =>
    workers
      .filter((worker) => !worker.buckets.some(({ binding }) => binding === name))
      .map(({ file }) =>
        fault(
          "bucket_unbound",
          `${file}: ${name}`,
          "The catalog names this bucket binding, and the worker does not have it: files in the bucket answer 500.",
          `Add [[r2_buckets]] with binding = "${name}" for this environment.`,
        ),
      ),
  );
}

function origins(facts: Facts): Finding[] {
  const assets = soundCatalog(facts)?.assets() ?? [];
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
              "The origin requires no authentication: anyone with its address can read every file without Stagedoor.",
              "Make the origin require a secret header or SigV4, and configure it under origin.auth.",
            ),
          ]
        : []),
    ];
  });
}

/** The workers refuse to send an unbound secret: the asset's files answer 500. The development cluster binds its own. */
function unboundSecrets(facts: Facts): Finding[] {
  const edge = workerOf(facts, "edge");
  if (facts.development || edge === undefined) return [];
  const bound = readOriginSecrets(environmentOf(edge, facts).STAGEDOOR_ORIGIN_SECRETS);
  return secretFaults(soundCatalog(facts)?.assets() ?? [], bound).map(({ asset, advice }) =>
    fault(
      "origin_secret_unbound",
      `asset ${asset}`,
      "STAGEDOOR_ORIGIN_SECRETS does not allow this use of its origin's secret: the workers answer 500 for its files.",
      advice,
    ),
  );
}

/** Doctor cannot read secrets: it sees only the names that a worker's file lists as required. */
function secrets(facts: Facts): Finding[] {
  if (facts.development) return [];
  const assets = soundCatalog(facts)?.assets() ?? [];
  const names = new Set(assets.flatMap(({ origin }) => (origin.type === "http" ? originSecrets(origin.auth) : [])));
  const workers = facts.workers.filter(({ worker }) => worker === "edge" || worker === "manifest");
  return [...names].flatMap((name) => {
    const lacking = workers.filter((worker) => !worker.secrets.includes(name));
    if (lacking.length === 0) return [];
    const lackingFiles = lacking.map(({ file }) => file).join(" and ");
    return [
      warning(
        "origin_secret_unlisted",
        name,
        `The catalog's origins require this secret, and ${lackingFiles} ${lacking.length > 1 ? "do" : "does"} not list it as required: a deployment without it answers 500 for those assets.`,
        `Add it to \`required\` under [env.${facts.environment}.secrets] in ${lackingFiles}, and ${handOver(
          name,
          workers.map(({ file }) => file),
          facts,
        )}.`,
      ),
    ];
  });
}
