import { type Metric, metrics, readSeries } from "./metrics.ts";

/** The media type of the text format of Prometheus, version 0.0.4. */
export const prometheusType = "text/plain; version=0.0.4; charset=utf-8";

interface Sample {
  readonly series: string;
  readonly value: number;
  /** The upper bound of a histogram's bucket. */
  readonly bound: number;
}

interface Family {
  readonly name: string;
  readonly type: Metric["type"] | "untyped";
  readonly help: string;
  readonly samples: Sample[];
}

/**
 * Series with their values in the Prometheus text format (version 0.0.4): each metric once, with help and type, then
 * its series. A metric of another version is untyped.
 */
export function prometheusText(values: readonly (readonly [series: string, value: number])[]): string {
  const families = new Map<string, Family>(
    Object.entries(metrics).map(([name, { type, help }]) => [name, { name, type, help, samples: [] }]),
  );
  for (const [series, value] of values) {
    const read = readSeries(series);
    if (read === undefined) continue;
    const name = families.has(read.name) ? read.name : read.name.replace(/_(bucket|sum|count)$/, "");
    const family = families.get(name) ?? unknown(read.name);
    const { le } = read.labels;
    family.samples.push({ series, value, bound: le === undefined ? Number.POSITIVE_INFINITY : boundOf(le) });
    families.set(family.name, family);
  }
  return [...families.values()]
    .filter(({ samples }) => samples.length > 0)
    .map(textOf)
    .join("");
}

function textOf({ name, type, help, samples }: Family): string {
  const lines = samples.toSorted(inOrder).map(({ series, value }) => `${series} ${numberText(value)}\n`);
  return `# HELP ${name} ${help.replace(/[\\\n]/g, (one) => (one === "\n" ? "\\n" : "\\\\"))}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** By spelling, except that the buckets of a histogram are sorted by their bounds. */
function inOrder(a: Sample, b: Sample): number {
  const [one, other] = [withoutBound(a.series), withoutBound(b.series)];
  if (one !== other) return one < other ? -1 : 1;
  return a.bound - b.bound;
}

function withoutBound(series: string): string {
  return series.replace(/,?le="[^"]*"/, "");
}

function boundOf(le: string): number {
  return le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}

function unknown(name: string): Family {
  return { name, type: "untyped", help: "A metric of another version.", samples: [] };
}
