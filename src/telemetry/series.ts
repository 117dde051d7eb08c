export type Labels = Readonly<Record<string, string>>;

/**
 * A series in its one spelling, `name{label="value"}`, as the text format of Prometheus writes it: in a value a backslash, a
 * quotation mark and a line feed are escaped, so that none can end it and begin another line.
 */
export function spellSeries(name: string, labels: readonly (readonly [label: string, value: string])[]): string {
  if (labels.length === 0) return name;
  return `${name}{${labels.map(([label, value]) => `${label}="${escapeValue(value)}"`).join(",")}}`;
}

const form = /^([a-z][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})?$/;

/** The name and the labels of a series in their order; undefined for what is none in its one spelling, or names a label twice. */
export function readSeries(series: string): { readonly name: string; readonly labels: Labels } | undefined {
  const read = form.exec(series);
  if (read === null) return undefined;
  const [, name = "", pairs = ""] = read;
  const labels: Record<string, string> = {};
  for (const [, label = "", value = ""] of pairs.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g))
    labels[label] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  return spellSeries(name, Object.entries(labels)) === series ? { name, labels } : undefined;
}

function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
