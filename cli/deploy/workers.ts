import { isPlaceholder } from "../../src/deployment/placeholders.ts";
import type { WorkerKind } from "../lib/worker-files.ts";

/**
 * The order of every deployment: a worker comes after the workers whose objects and services it binds, because Cloudflare
 * refuses a binding to a script that does not exist. docs/operate/upgrade.md says why old and new workers work together.
 */
export const deployOrder = ["manifest", "edge", "identity", "api"] as const satisfies readonly WorkerKind[];

export const environments = ["staging", "production"] as const;
export type DeployedEnvironment = (typeof environments)[number];

interface TomlValue {
  /** Counted from 1. */
  readonly line: number;
  /** The name of its table, such as `env.staging.vars`. */
  readonly table: string;
  readonly text: string;
}

/** The strings in one environment of a wrangler.toml, each with its line. Comments are ignored. */
export function valuesOf(toml: string, environment: string): readonly TomlValue[] {
  let table = "";
  return toml.split("\n").flatMap((line, index) => {
    const [, header] = /^\[\[?([^\]]+)\]/.exec(line) ?? [];
    table = header ?? table;
    if (line.startsWith("#") || !`${table}.`.startsWith(`env.${environment}.`)) return [];
    return [...line.matchAll(/"([^"]*)"/g)].map(([, text = ""]) => ({ line: index + 1, table, text }));
  });
}

/** The placeholders in one environment of a wrangler.toml. */
export function placeholdersIn(toml: string, environment: string): readonly TomlValue[] {
  return valuesOf(toml, environment).filter(({ text }) => isPlaceholder(text));
}
