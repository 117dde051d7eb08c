import { statSync } from "node:fs";
import { ringFor, workerNames } from "../../src/config/configuration.ts";
import { endFailed } from "../lib/command.ts";
import { parseJson, parseRingText, readText, reasonOf, shortName } from "../lib/files.ts";
import { issuersIn } from "../lib/issuers.ts";
import type { Secrets } from "./steps.ts";
import { type DeployedWorker, order } from "./workers.ts";

/** What comes from files that the other commands take as well. */
const ownOptions = [
  ["STAGEDOOR_KEYS", "--ring"],
  ["STAGEDOOR_ISSUERS", "--issuers"],
] as const;

export type SecretsOfWorkers = Readonly<Partial<Record<DeployedWorker, Secrets>>>;

/** The files that secrets come from; each may be left out. */
export interface SecretFiles {
  readonly ring: string | undefined;
  readonly issuers: string | undefined;
  readonly secrets: string | undefined;
}

/**
 * What each worker is to be given: its part of the key ring, the issuers, and what a file names for it. Nothing of them is
 * quoted in a fault.
 */
export function secretsFrom(files: SecretFiles): SecretsOfWorkers {
  const named = files.secrets === undefined ? {} : readSecrets(files.secrets);
  const issuers = files.issuers === undefined ? {} : { STAGEDOOR_ISSUERS: readIssuers(files.issuers) };
  const keys = files.ring === undefined ? {} : keysOf(files.ring);
  const given = order.map((worker) => {
    const values = { ...named[worker], ...(worker === "api" ? issuers : {}), ...keys[worker] };
    return [worker, values] as const;
  });
  return Object.fromEntries(given.filter(([, values]) => Object.keys(values).length > 0));
}

function keysOf(file: string): SecretsOfWorkers {
  const ring = parseRingText(file, readText(file, "the key ring"));
  const parts = workerNames.map(
    (worker) => [worker, { STAGEDOOR_KEYS: JSON.stringify(ringFor(worker, ring)) }] as const,
  );
  return Object.fromEntries(parts);
}

function readIssuers(file: string): string {
  issuersIn(file); // a faulty one ends the command
  return JSON.stringify(parseJson(readText(file, "the issuers")));
}

/** `{"identity": {"STAGEDOOR_IDENTITY_SECRET": "…"}, "edge": {…}}`: a value that is no text is written as JSON. */
function readSecrets(file: string): SecretsOfWorkers {
  const document = parseJson(readText(file, "the workers' secrets"));
  checkMode(file);
  const shape = `${shortName(file)} is {"<worker>": {"<NAME>": <secret>}} with the workers ${order.join(", ")}`;
  if (!isRecord(document)) return endFailed(`${shape}; it is no JSON object.`);
  return Object.fromEntries(
    Object.entries(document).map(([worker, values]) => {
      if (!order.some((name) => name === worker)) return endFailed(`${shape}; it names another.`);
      if (!isRecord(values)) return endFailed(`${shape}; what it says for ${worker} is no object.`);
      for (const [name, option] of ownOptions)
        if (name in values)
          return endFailed(`${shortName(file)} holds ${name}: leave it out, and give it with ${option}.`);
      const texts = Object.entries(values).map(([name, value]) => [name, textOf(value)] as const);
      return [worker, Object.fromEntries(texts)];
    }),
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function checkMode(file: string): void {
  try {
    if ((statSync(file).mode & 0o077) === 0) return;
  } catch (error) {
    endFailed(`${shortName(file)} cannot be looked at: ${reasonOf(error)}.`);
  }
  endFailed(`${shortName(file)} holds secrets and can be read by others: run chmod 600 ${shortName(file)}.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
