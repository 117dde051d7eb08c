import { readConfiguration, trustFaults } from "../../../src/config/configuration.ts";
import { readIdentityConfiguration } from "../../../src/config/identity-configuration.ts";
import type { Deployment } from "../../../src/deployment/config-schema.ts";
import { secretReferences } from "../../../src/deployment/issuers-of.ts";
import type { WorkerConfig } from "../../lib/worker-files.ts";
import { environmentOf, type Facts, settingsPlace, uploadAdvice, validCatalog } from "../facts.ts";
import { type Check, type Finding, fault, notChecked, warning } from "../finding.ts";
import { distributionFindings } from "./distributions.ts";

/** Whether each worker would accept its configuration, by the worker's own code. */
export const configurationCheck: Check<Facts> = {
  name: "configuration",
  passed: "each worker would accept its settings",
  run: (facts) => [
    ...unreadableFindings(facts),
    ...configurationFindings(facts),
    ...facts.workers.flatMap((worker) => secretFindings(worker, facts)),
    ...issuerFindings(facts),
    ...distributionFindings(facts),
  ],
};

/** Files with the same error are one finding. */
function unreadableFindings({ unreadable }: Facts): Finding[] {
  const reasons = [...new Set(unreadable.map(({ why }) => why))];
  return reasons.map((reason) => {
    const files = [...new Set(unreadable.filter(({ why }) => why === reason).map(({ file }) => file))];
    return fault(
      "wrangler_unreadable",
      files.join(", "),
      reason,
      "Fix the file, or name one of its environments with --env.",
    );
  });
}

/** An error that several workers have is one finding about all of them. */
function configurationFindings(facts: Facts): Finding[] {
  const filesByError = new Map<string, string[]>();
  for (const worker of facts.workers)
    for (const error of errorsOf(worker, facts))
      filesByError.set(error, [...new Set([...(filesByError.get(error) ?? []), worker.file])]);
  return [...filesByError].map(([error, files]) => {
    const [secret] =
      /^STAGEDOOR_(KEYS|ISSUERS|IDENTITY_SECRET|ENTITLEMENT_SECRET|WEBHOOK_SECRET|EDGE_SECRETS|AWS_KEY_ID|AWS_SECRET_KEY)\b/.exec(
        error,
      ) ?? [];
    const whatToDo =
      secret !== undefined
        ? `Fix the error, and ${uploadAdvice(secret, files, facts)}.`
        : `Fix the setting under ${settingsPlace(facts)}: until then the worker answers every request with 500 configuration_invalid.`;
    return fault("configuration_invalid", files.join(", "), error.replace(/\.?$/, "."), whatToDo);
  });
}

function errorsOf(worker: WorkerConfig, facts: Facts): readonly string[] {
  const environment = environmentOf(worker, facts);
  if (worker.worker === "identity") {
    const read = readIdentityConfiguration(environment);
    return read.ok ? [] : read.refusal;
  }
  const read = readConfiguration(environment);
  // The keys check reports development keys outside of development.
  if (!read.ok) return read.refusal.filter((error) => !/^STAGEDOOR_KEYS: .* is a development key/.test(error));
  const isKnown = facts.issuers !== undefined || facts.development || worker.vars.STAGEDOOR_ISSUERS !== undefined;
  const configuration = isKnown ? read.value : { ...read.value, issuers: [] };
  const hasIdentity = worker.services.some(({ binding }) => binding === "IDENTITY");
  return worker.worker === "api" && (isKnown || hasIdentity) ? trustFaults(configuration, hasIdentity) : [];
}

/** Secrets under [vars], which the repository and the dashboard show. */
function secretFindings({ file, vars }: WorkerConfig, facts: Facts): Finding[] {
  const assets = validCatalog(facts)?.assets() ?? [];
  const ofOrigins = assets.flatMap(({ origin }) => (origin.type === "http" ? originSecrets(origin.auth) : []));
  const secrets = new Set([
    "STAGEDOOR_KEYS",
    "STAGEDOOR_IDENTITY_SECRET",
    "STAGEDOOR_ENTITLEMENT_SECRET",
    "STAGEDOOR_WEBHOOK_SECRET",
    "STAGEDOOR_EDGE_SECRETS",
    "STAGEDOOR_AWS_KEY_ID",
    "STAGEDOOR_AWS_SECRET_KEY",
    ...ofOrigins,
  ]);
  const names = Object.keys(vars).filter((name) => secrets.has(name) || hasClientSecret(name, vars[name]));
  return names.map((name) =>
    fault(
      "secret_in_vars",
      file,
      `${name} is under ${facts.deployment === undefined ? "[vars]" : settingsPlace(facts)}, which anyone with access to the repository or the dashboard can read.`,
      `Remove it, create a new secret, and ${uploadAdvice(name, [file], facts)}.`,
    ),
  );
}

/** The names of the secrets in an origin's `auth`. */
export function originSecrets(
  auth: { readonly type: "header"; readonly secret: string } | SigV4 | undefined,
): readonly string[] {
  if (auth === undefined) return [];
  return auth.type === "header" ? [auth.secret] : [auth.accessKeyId, auth.secretAccessKey];
}

type SigV4 = { readonly type: "sigv4"; readonly accessKeyId: string; readonly secretAccessKey: string };

function hasClientSecret(name: string, value: unknown): boolean {
  return name === "STAGEDOOR_ISSUERS" && JSON.stringify(value).includes("clientSecret");
}

/** The issuers that the API trusts are a secret, so doctor sees them only with --issuers. */
function issuerFindings(facts: Facts): Finding[] {
  const api = facts.workers.find(({ worker }) => worker === "api");
  if (api === undefined || facts.development || facts.issuers !== undefined) return [];
  if (api.vars.STAGEDOOR_ISSUERS !== undefined) return [];
  if (facts.deployment !== undefined) return deployedIssuerFindings(facts.deployment);
  if (api.services.some(({ binding }) => binding === "IDENTITY"))
    return [notChecked("STAGEDOOR_ISSUERS", "Give --issuers if the API trusts more than the identity worker.")];
  return [
    warning(
      "issuers_missing",
      api.file,
      "No issuers were given and no identity worker is bound: as far as doctor can see, the API trusts no issuer of viewers' tokens.",
      "Give --issuers issuers.json, or bind IDENTITY.",
    ),
  ];
}

/** A deployment's file names all its issuers, or its identity worker: only issuers with a secret are not known here. */
function deployedIssuerFindings({ config }: Deployment): Finding[] {
  const { names } = secretReferences(config.identity.issuers);
  if (names.length === 0) return [];
  return [notChecked("STAGEDOOR_ISSUERS", `Give --issuers with the values of ${names.join(", ")} to check them.`)];
}
