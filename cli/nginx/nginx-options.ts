import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { type Args, endFailed } from "../lib/command.ts";
import { parseJson, readText, shortName } from "../lib/files.ts";
import { firstLine } from "./nginx-config.ts";

/** The options of `nginx` that it writes down, so that a later run without them makes the same configuration. */
export const keptOptions = {
  env: { type: "string" },
  ring: { type: "string" },
  node: { type: "string" },
  listen: { type: "string" },
  certificate: { type: "string" },
  "certificate-key": { type: "string" },
  admissions: { type: "string" },
  cache: { type: "string" },
  "cache-size": { type: "string" },
  resolver: { type: "string" },
  authorities: { type: "string" },
  places: { type: "string" },
  user: { type: "string" },
  refusals: { type: "string" },
} as const;

/** Options whose value is a path: they are written down in full, because the next run may be in another folder. */
const paths: ReadonlySet<string> = new Set([
  "ring",
  "certificate",
  "certificate-key",
  "admissions",
  "cache",
  "authorities",
  "places",
]);

/** The file with the options, in the folder of the configuration. */
export const optionsFile = "stagedoor-options.json";

const optionsSchema = z.object({ options: z.record(z.string(), z.string()) });

/** The options of this run and those of the folder's last run. */
export interface KeptOptions {
  /** Undefined for an option that was never given, or that is empty now. */
  readonly value: (name: keyof typeof keptOptions) => string | undefined;
  /** The names of the options that were read from the file. */
  readonly remembered: readonly string[];
  /** The text of the file. */
  readonly text: string;
}

/** An option that this run names counts; `--resolver ""` forgets the last run's. */
export function readOptions(args: Args, folder: string): KeptOptions {
  const file = join(folder, optionsFile);
  const last = existsSync(file)
    ? optionsSchema.safeParse(parseJson(readText(file, "the options of the last run")))
    : undefined;
  if (last?.success === false)
    endFailed(`${shortName(file)} does not have the options of the last run: delete it, and give all options again.`);
  const kept = last?.data.options ?? {};
  const given = Object.keys(keptOptions).flatMap((name) => {
    const value = args.value(name);
    return value === undefined ? [] : [[name, paths.has(name) && value !== "" ? resolve(value) : value] as const];
  });
  const all = Object.entries({ ...kept, ...Object.fromEntries(given) }).filter(([, value]) => value !== "");
  const options: Readonly<Record<string, string>> = Object.fromEntries(all);
  return {
    value: (name) => options[name],
    remembered: Object.keys(options).filter((name) => args.value(name) === undefined),
    text: `${JSON.stringify({ about: firstLine, options }, null, 2)}\n`,
  };
}
