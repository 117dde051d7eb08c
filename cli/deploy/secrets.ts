import { ringFor, workerNames } from "../../src/config/configuration.ts";
import { endFailed } from "../lib/command.ts";
import { checkPrivate, parseJson, parseRingText, readText, shortName } from "../lib/files.ts";
import { readIssuers } from "../lib/issuers.ts";
import type { WorkerKind } from "../lib/worker-files.ts";
import type { Secrets } from "./steps.ts";
import { deployOrder } from "./workers.ts";

/** The secrets that have an option of their own. */
const secretOptions = [
  ["STAGEDOOR_KEYS", "--ring"],
  ["STAGEDOOR_ISSUERS", "--issuers"],
] as const;

export type SecretsOfWorkers = Readonly<Partial<Record<WorkerKind, Secrets>>>;

/** The files of --ring, --issuers and --secrets. */
export interface SecretFiles {
  readonly ring: string | undefined;
  readonly issuers: string | undefined;
  readonly secrets: string | undefined;
}

/** Each worker's secrets: its part of the key ring, the issuers, and its member of the secrets file. Errors quote no secret. */
export function secretsFrom(files: SecretFiles): SecretsOfWorkers {
  const others = files.secrets === undefined ? {} : readSecrets(files.secrets);
  const issuers = files.issuers === undefined ? {} : { STAGEDOOR_ISSUERS: issuersText(files.issuers) };
  const keys = files.ring === undefined ? {} : keysOf(files.ring);
  const secrets = deployOrder.map((worker) => {
    const values = { ...others[worker], ...(worker === "api" ? issuers : {}), ...keys[worker] };
    return [worker, values] as const;
  });
  return Object.fromEntries(secrets.filter(([, values]) => Object.keys(values).length > 0));
}

/** The part of a key ring that each worker needs. */
export function keysOf(file: string): SecretsOfWorkers {
  const ring = parseRingText(file, readText(file, "the key ring"));
  checkPrivate(file, "the keys");
  const parts = workerNames.map(
    (worker) => [worker, { STAGEDOOR_KEYS: JSON.stringify(ringFor(worker, ring)) }] as const,
  );
  return Object.fromEntries(parts);
}

function issuersText(file: string): string {
  readIssuers(file); // an invalid file ends the command
  return JSON.stringify(parseJson(readText(file, "the issuers")));
}

/** Reads `{"identity": {"STAGEDOOR_IDENTITY_SECRET": "…"}, "edge": {…}}`. A value that is not a string becomes JSON. */
function readSecrets(file: string): SecretsOfWorkers {
  const document = parseJson(readText(file, "the workers' secrets"));
  checkPrivate(file, "the secrets");
  const allowed = `${shortName(file)} must be {"<worker>": {"<NAME>": <secret>}} with the workers ${deployOrder.join(", ")}`;
  if (!isRecord(document)) return endFailed(`${allowed}. It is not a JSON object.`);
  return Object.fromEntries(
    Object.entries(document).map(([worker, values]) => {
      if (!deployOrder.some((name) => name === worker)) return endFailed(`${allowed}. It has another member.`);
      if (!isRecord(values)) return endFailed(`${allowed}. Its member ${worker} is not an object.`);
      for (const [name, option] of secretOptions)
        if (name in values)
          return endFailed(`${shortName(file)} contains ${name}: remove it, and give it with ${option}.`);
      const texts = Object.entries(values).map(([name, value]) => [name, textOf(value)] as const);
      return [worker, Object.fromEntries(texts)];
    }),
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
