import { type TomlValue, valuesOf } from "./environment-values.ts";

/**
 * How a value in a worker's wrangler.toml begins that the operator has to fill in: the id of a KV namespace or a database.
 * Hosts to fill in end in a name of RFC 2606 §3 that is nobody's.
 */
export const fillIn = "fill-in-";

const nobodysHost = /(^|[/.])example\.(com|net|org)$/;

/** Whether a value of a worker's configuration is one that was never filled in. */
export function isPlaceholder(value: string): boolean {
  return value.startsWith(fillIn) || nobodysHost.test(value);
}

/** The placeholders that an environment of a wrangler.toml (its text) still holds. */
export function placeholdersIn(toml: string, environment: string): readonly TomlValue[] {
  return valuesOf(toml, environment).filter(({ text }) => isPlaceholder(text));
}
