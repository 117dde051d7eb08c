import { readConfiguration, trustFaults } from "../../../src/config/configuration.ts";
import { readIdentityConfiguration } from "../../../src/config/identity-configuration.ts";
import type { DeployedWorker } from "../../lib/worker-files.ts";
import { environmentOf, type Facts, handOver, soundCatalog } from "../facts.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";

/** Each worker's configuration, as the worker itself would read it. */
export const configurationCheck: Check<Facts> = {
  name: "configuration",
  held: "each worker would accept its settings",
  run: (facts) => [
    ...facts.unreadable.map(({ file, why }) =>
      fault("wrangler_unreadable", file, why, `Fix the file, or name one of its environments with --env.`),
    ),
    ...configurationFaults(facts),
    ...facts.workers.flatMap((worker) => secretsInVars(worker, facts)),
    ...issuersMissing(facts),
  ],
};

/** A fault that several workers have is one finding about all of them. */
function configurationFaults(facts: Facts): Finding[] {
  const byFault = new Map<string, string[]>();
  for (const worker of facts.workers)
    for (const told of faultsOf(worker, facts)) byFault.set(told, [...(byFault.get(told) ?? []), worker.file]);
  const section = facts.development ? "[vars]" : `[env.${facts.environment}.vars]`;
  return [...byFault].map(([told, files]) => {
    const [secret] = /^STAGEDOOR_(KEYS|ISSUERS|IDENTITY_SECRET|ENTITLEMENT_SECRET)\b/.exec(told) ?? [];
    const todo =
      secret !== undefined
        ? `Fix the error, and ${handOver(secret, files, facts)}.`
        : `Fix the setting under ${section}: until then the worker answers every request with 500 configuration_invalid.`;
    return fault("configuration_invalid", files.join(", "), `${told}.`, todo);
  });
}

function faultsOf(worker: DeployedWorker, facts: Facts): readonly string[] {
  const environment = environmentOf(worker, facts);
  if (worker.worker === "identity") {
    const read = readIdentityConfiguration(environment);
    return read.ok ? [] : read.refusal;
  }
  const read = readConfiguration(environment);
  // The keys check reports development keys outside of development.
  if (!read.ok) return read.refusal.filter((told) => !/^STAGEDOOR_KEYS: .* is a development key/.test(told));
  const known = facts.issuers !== undefined || facts.development || worker.vars.STAGEDOOR_ISSUERS !== undefined;
  const named = known ? read.value : { ...read.value, issuers: [] };
  const hasIdentity = worker.services.some(({ binding }) => binding === "IDENTITY");
  return worker.worker === "api" && (known || hasIdentity) ? trustFaults(named, hasIdentity) : [];
}

/** [vars] is in the repository, and on the dashboard for everybody with access to the worker. */
function secretsInVars({ file, vars }: DeployedWorker, facts: Facts): Finding[] {
  const assets = soundCatalog(facts)?.assets() ?? [];
  const named = assets.flatMap(({ origin }) => (origin.type === "http" ? originSecrets(origin.auth) : []));
  const secret = new Set(["STAGEDOOR_KEYS", "STAGEDOOR_IDENTITY_SECRET", "STAGEDOOR_ENTITLEMENT_SECRET", ...named]);
  const found = Object.keys(vars).filter((name) => secret.has(name) || holdsClientSecret(name, vars[name]));
  return found.map((name) =>
    fault(
      "secret_in_vars",
      file,
      `${name} is under [vars], which everybody with access to the repository or the dashboard can read.`,
      `Remove it, create a new secret, and ${handOver(name, [file], facts)}.`,
    ),
  );
}

export function originSecrets(
  auth: { readonly type: "header"; readonly secret: string } | SigV4 | undefined,
): readonly string[] {
  if (auth === undefined) return [];
  return auth.type === "header" ? [auth.secret] : [auth.accessKeyId, auth.secretAccessKey];
}

type SigV4 = { readonly type: "sigv4"; readonly accessKeyId: string; readonly secretAccessKey: string };

function holdsClientSecret(name: string, value: unknown): boolean {
  return name === "STAGEDOOR_ISSUERS" && JSON.stringify(value).includes("clientSecret");
}

/** The issuers that the API trusts are a secret, so doctor sees them only with --issuers. */
function issuersMissing(facts: Facts): Finding[] {
  const api = facts.workers.find(({ worker }) => worker === "api");
  if (api === undefined || facts.development || facts.issuers !== undefined) return [];
  if (api.vars.STAGEDOOR_ISSUERS !== undefined) return [];
  if (api.services.some(({ binding }) => binding === "IDENTITY"))
    return [notLookedAt("STAGEDOOR_ISSUERS", "Give --issuers if the API trusts more than the identity worker.")];
  return [
    warning(
      "issuers_missing",
      api.file,
      "No issuers were given and no identity worker is bound: as far as doctor can see, the API trusts no issuer of viewers' tokens.",
      "Give --issuers issuers.json, or bind IDENTITY.",
    ),
  ];
}
