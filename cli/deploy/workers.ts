/** The workers that are deployed, by the name that their folders have. */
export type DeployedWorker = "manifest" | "edge" | "identity" | "api";

/** Each worker's configuration, from the project's root. */
export const configs: Readonly<Record<DeployedWorker, string>> = {
  manifest: "workers/manifest/wrangler.toml",
  edge: "wrangler.toml",
  identity: "workers/identity/wrangler.toml",
  api: "workers/api/wrangler.toml",
};

/**
 * The order in which they are deployed, the first time and each time after it: a worker comes after those whose objects
 * and services it binds, since a binding to what does not exist (yet) is refused. Old workers that call new ones are served
 * as before; so is, by the rule of docs/operate/upgrade.md, what the new ones sign.
 */
export const order = ["manifest", "edge", "identity", "api"] as const satisfies readonly DeployedWorker[];

/** The order in which workers get keys: verifiers first, so that each signature meets a worker that has its key. */
export const verifiersFirst = ["edge", "manifest", "identity", "api"] as const satisfies readonly DeployedWorker[];

export const environments = ["staging", "production"] as const;
export type DeployedEnvironment = (typeof environments)[number];

interface TomlValue {
  /** From 1 on. */
  readonly line: number;
  /** Its table, such as `env.staging.vars`. */
  readonly table: string;
  readonly text: string;
}

/** The texts that an environment of a wrangler.toml (its text) gives, each with its line. Comments are left alone. */
export function valuesOf(toml: string, environment: string): readonly TomlValue[] {
  let table = "";
  return toml.split("\n").flatMap((line, index) => {
    const [, header] = /^\[\[?([^\]]+)\]/.exec(line) ?? [];
    table = header ?? table;
    if (line.startsWith("#") || !`${table}.`.startsWith(`env.${environment}.`)) return [];
    return [...line.matchAll(/"([^"]*)"/g)].map(([, text = ""]) => ({ line: index + 1, table, text }));
  });
}

/**
 * How a value in a worker's wrangler.toml begins that the operator has to fill in: the id of a KV namespace or a database.
 * Hosts to fill in end in a name of RFC 2606 §3 that is nobody's.
 */
const fillIn = "fill-in-";

const nobodysHost = /(^|[/.])example\.(com|net|org)$/;

/** Whether a value of a worker's configuration is one that was never filled in. */
export function isPlaceholder(value: string): boolean {
  return value.startsWith(fillIn) || nobodysHost.test(value);
}

/** The placeholders that an environment of a wrangler.toml (its text) still holds. */
export function placeholdersIn(toml: string, environment: string): readonly TomlValue[] {
  return valuesOf(toml, environment).filter(({ text }) => isPlaceholder(text));
}
