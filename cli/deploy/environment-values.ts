export interface TomlValue {
  /** From 1 on. */
  readonly line: number;
  /** The table it stands in, `env.staging.vars`. */
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
