import { basename, join } from "node:path";
import { applyEdits, modify, parse } from "jsonc-parser";
import * as z from "zod";
import { configFile } from "../../src/deployment/config-schema.ts";
import { issuersWith, stubSecret } from "../../src/deployment/issuers-of.ts";
import { configFaultText, readConfig } from "../../src/deployment/read-config.ts";
import { type Args, endFailed } from "../lib/command.ts";
import type { Entry } from "../lib/entry-options.ts";
import { shortName } from "../lib/files.ts";
import { type IssuersFile, parseIssuers } from "../lib/issuers.ts";
import { inDeployment, projectRoot } from "../lib/project.ts";

/** The issuers file if there is no deployment. */
const defaultFile = "issuers.json";

export const fileOption = { file: { type: "string" } } as const;
export const fileHelp = `  --file <file>            the issuers, in the form of STAGEDOOR_ISSUERS, or a ${configFile}
                           (${configFile} of this folder, else ${defaultFile})`;

/** Where issuers are kept: a list in a file of their own, or `identity.issuers` of a deployment's file. */
export interface IssuersTarget {
  readonly file: string;
  readonly kind: "list" | "deployment";
}

const writtenIssuers = z.array(z.record(z.string(), z.unknown())).default([]);

/** The target of --file; without it the deployment in this folder, or else an issuers file. */
export function targetOf(args: Args): IssuersTarget {
  const file = args.value("file") ?? (inDeployment ? join(projectRoot, configFile) : defaultFile);
  return { file, kind: basename(file) === configFile ? "deployment" : "list" };
}

/** The issuers in the text of a target. An invalid one ends the command with all its errors. */
export function issuersIn({ file, kind }: IssuersTarget, text: string): IssuersFile {
  if (kind === "list") return parseIssuers(file, text);
  const read = readConfig(text);
  // `identity` alone is the fault of a deployment that has no issuer yet.
  const faults = read.ok ? [] : read.refusal.filter(({ member }) => member !== "identity");
  if (faults.length > 0)
    return endFailed(
      [`${shortName(file)} has errors:`, ...faults.map((fault) => configFaultText(shortName(file), fault))].join(
        "\n  ",
      ),
    );
  const { identity } = Object(parse(text));
  const issuers = writtenIssuers.parse(Object(identity).issuers);
  if (issuers.length === 0) return { entries: [], settings: [] };
  const { settings } = parseIssuers(file, JSON.stringify(issuersWith(issuers, () => stubSecret)));
  return { entries: issuers, settings };
}

/**
 * The text of a target with an entry at an index: a new one at the end, or in place of the one that is there. Comments and
 * formatting of a deployment's file stay. Ends the command if the result would be invalid.
 */
export function withEntry(target: IssuersTarget, text: string | undefined, entry: Entry, index: number): string {
  const entries: readonly unknown[] = text === undefined ? [] : issuersIn(target, text).entries;
  const isNew = index === entries.length;
  const formattingOptions = { insertSpaces: true, tabSize: 2 };
  const changed =
    target.kind === "list" || text === undefined
      ? `${JSON.stringify(isNew ? [...entries, entry] : entries.with(index, entry), null, 2)}\n`
      : entries.length === 0
        ? applyEdits(text, modify(text, ["identity", "issuers"], [entry], { formattingOptions }))
        : applyEdits(
            text,
            modify(text, ["identity", "issuers", index], entry, { formattingOptions, isArrayInsertion: isNew }),
          );
  // Two issuers may be valid alone and not together.
  issuersIn(target, changed);
  return changed;
}
