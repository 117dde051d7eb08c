import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import * as z from "zod";
import { isObject } from "../base/body-text.ts";
import { adviceOn, fieldText } from "../base/issue-advice.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { faultsBetween } from "./config-faults.ts";
import { configSchema, type Deployment, decidedSettings, secretSettings } from "./config-schema.ts";

/** An error in a deployment's file. */
export interface ConfigFault {
  /** The member, in JavaScript notation: `cdns.main.host`. */
  readonly member: string;
  /** Its line, counted from 1; undefined if the member is missing. */
  readonly line: number | undefined;
  readonly advice: string;
}

/**
 * Reads `stagedoor.config.json`: JSON with comments and trailing commas. Returns every error at once, each with its line. An
 * unknown member is an error: a setting of a later version must not be ignored silently.
 */
export function readConfig(text: string): Result<Deployment, readonly ConfigFault[]> {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const lineOf = (path: readonly PropertyKey[]) => lineAt(text, nodeAt(tree, path));
  const [first] = errors;
  if (tree === undefined || first !== undefined) return refuse([syntaxFault(text, first)]);
  const document: unknown = getNodeValue(tree);
  const faultAt = (path: readonly PropertyKey[], advice: string): ConfigFault => ({
    member: fieldText(path),
    line: lineOf(path),
    advice,
  });
  const parsed = configSchema.safeParse(document);
  if (!parsed.success)
    return refuse(
      parsed.error.issues.flatMap((issue) =>
        issue.code === "unrecognized_keys"
          ? issue.keys.map((key) => faultAt([...issue.path, key], unknownAdvice(issue.path, key)))
          : [faultAt(issue.path, issueAdvice(issue, document))],
      ),
    );
  const assets = isObject(document) && Array.isArray(document.assets) ? document.assets.filter(isObject) : [];
  const deployment = { config: parsed.data, assets, lineOf };
  const faults = faultsBetween(deployment);
  return faults.length === 0 ? ok(deployment) : refuse(faults.map(({ path, advice }) => faultAt(path, advice)));
}

/** An error in a line, for a terminal: `stagedoor.config.json:12  cdns.main.host: Use …`. */
export function configFaultText(file: string, { member, line, advice }: ConfigFault): string {
  const at = line === undefined ? file : `${file}:${line}`;
  return member === "" ? `${at}  ${advice}` : `${at}  ${member}: ${advice}`;
}

function syntaxFault(text: string, error: ParseError | undefined): ConfigFault {
  if (error === undefined)
    return { member: "", line: undefined, advice: "The file is empty: it must be a JSON object." };
  const why = printParseErrorCode(error.error)
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
  return { member: "", line: lineOfOffset(text, error.offset), advice: `Not JSON (comments are allowed): ${why}.` };
}

function issueAdvice(issue: z.core.$ZodIssue, document: unknown): string {
  const [member] = issue.path;
  if (member === "version" && issue.path.length === 1) {
    const { version } = Object(document);
    return typeof version === "number" && version > 1
      ? `This version of stagedoor reads version 1, not ${version}: install a newer one with \`npm install --save-exact stagedoor@latest\`.`
      : "Use 1.";
  }
  return adviceOn(issue, document);
}

function unknownAdvice(path: readonly PropertyKey[], key: string): string {
  const inSettings = path.at(-1) === "settings";
  const elsewhere = new Map<string, string>([...Object.entries(decidedSettings), ...Object.entries(secretSettings)]);
  const place = inSettings ? elsewhere.get(key) : undefined;
  if (place !== undefined) return `Remove it: it comes from ${place}.`;
  const known = inSettings
    ? "docs/reference/configuration.md lists the settings"
    : `known here: ${membersAt(path).join(", ")}`;
  return `There is no such member; ${known}. If it belongs to a later version, install that: \`npm install --save-exact stagedoor@latest\`.`;
}

/** The members that the schema has at a path. */
function membersAt(path: readonly PropertyKey[]): readonly string[] {
  let forms: readonly unknown[] = [z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" })];
  for (const part of path)
    forms = forms.flatMap(alternatives).flatMap((form) => {
      const { properties = {}, additionalProperties, items } = Object(form);
      if (typeof part === "number") return [items];
      return [Object.hasOwn(properties, part) ? properties[part] : additionalProperties];
    });
  return [...new Set(forms.flatMap(alternatives).flatMap((form) => Object.keys(Object(form).properties ?? {})))];
}

function alternatives(form: unknown): readonly unknown[] {
  const { anyOf = [], oneOf = [] } = Object(form);
  return [form, ...anyOf, ...oneOf];
}

function nodeAt(tree: Node | undefined, path: readonly PropertyKey[]): Node | undefined {
  const parts = path.filter((part) => typeof part !== "symbol");
  for (let length = parts.length; tree !== undefined && length > 0; length -= 1) {
    const node = findNodeAtLocation(tree, parts.slice(0, length));
    // The line of the member's name, not of its value.
    if (node !== undefined) return node.parent?.type === "property" ? node.parent : node;
  }
  return undefined;
}

function lineAt(text: string, node: Node | undefined): number | undefined {
  return node === undefined ? undefined : lineOfOffset(text, node.offset);
}

function lineOfOffset(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
