import type * as z from "zod";
import { shownMember } from "./body-text.ts";

/** A member by its path, in JavaScript notation: `countries.only[0]`. */
export function fieldText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text;
}

/**
 * How to fix an issue: what is allowed, and the type that `document` has there. Quotes no value of the document, which may be a
 * secret in the wrong place, only plain names of unknown members. The workers have no messages of zod's own, so each code that a
 * schema can cause without a message is described here.
 *
 * @example adviceOn(issue, { asset: 5 }); // "Use a string, not a number."
 */
export function adviceOn(issue: z.core.$ZodIssue, document: unknown): string {
  switch (issue.code) {
    case "unrecognized_keys":
      return `Correct the spelling of ${issue.keys.map(quotedName).join(", ")}, or remove it.`;
    case "invalid_type":
      return issue.expected === "int" && typeof valueAt(issue.path, document) === "number"
        ? "Use a whole number."
        : `Use ${article(issue.expected)}${found(issue.path, document)}.`;
    case "invalid_value":
      return `Use ${oneOf(issue.values)}${missing(issue.path, document)}.`;
    case "too_small":
      return `Use at least ${issue.minimum}${unitOf(issue.origin, issue.minimum)}.`;
    case "too_big":
      return `Use at most ${issue.maximum}${unitOf(issue.origin, issue.maximum)}.`;
    case "invalid_union":
      return unionAdvice(issue, document);
    case "invalid_format":
      if (issue.format === "url") return "Use a whole URL, such as https://www.example.com/path.";
      return issue.message;
    default:
      return issue.message;
  }
}

/** An unknown member's name. A swapped name and value would be a secret, which no log may contain. */
function quotedName(name: string): string {
  const shown = shownMember(name);
  return shown === name ? JSON.stringify(name) : shown;
}

/** A discriminated union names the values of its discriminator; any other, what each of its forms expects there. */
function unionAdvice(issue: z.core.$ZodIssueInvalidUnion, document: unknown): string {
  if ("options" in issue && issue.options !== undefined)
    return `Use ${oneOf(issue.options)}${missing(issue.path, document)}.`;
  const forms = issue.errors.map(([first]) => first).filter((first) => first !== undefined);
  const types = forms.map((first) =>
    first.code === "invalid_type" && first.path.length === 0 ? article(first.expected) : undefined,
  );
  if (!types.includes(undefined)) return `Use ${[...new Set(types)].join(" or ")}${found(issue.path, document)}.`;
  // A form whose type fits is the one that was meant.
  const meant = forms.find((_, index) => types[index] === undefined);
  if (meant === undefined) return issue.message;
  const place = fieldText(meant.path);
  const inside = adviceOn({ ...meant, path: [...issue.path, ...meant.path] }, document);
  return place === "" ? inside : `${place}: ${inside}`;
}

/** The value at a path. A setting is JSON in a text, so a path can lead into that. */
function valueAt(path: readonly PropertyKey[], document: unknown): unknown {
  let value = document;
  for (const part of path) {
    const parent = typeof value === "string" ? parsed(value) : value;
    value = typeof parent === "object" && parent !== null ? Reflect.get(parent, part) : undefined;
  }
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function missing(path: readonly PropertyKey[], document: unknown): string {
  return valueAt(path, document) === undefined ? ": it is missing" : "";
}

/** The type of the value, or that there is none. */
function found(path: readonly PropertyKey[], document: unknown): string {
  const value = valueAt(path, document);
  if (value === undefined) return missing(path, document);
  if (value === null) return ", not null";
  if (Array.isArray(value)) return ", not an array";
  return `, not ${article(typeof value)}`;
}

function oneOf(values: readonly unknown[]): string {
  const [first, ...others] = values.map((value) => JSON.stringify(value));
  return others.length === 0 ? `${first}` : `one of ${[first, ...others].join(", ")}`;
}

function article(expected: string): string {
  if (expected === "int") return "a whole number";
  return `${"aeiou".includes(expected.charAt(0)) ? "an" : "a"} ${expected}`;
}

function unitOf(origin: string, count: number | bigint): string {
  if (origin === "string") return count === 1 ? " character" : " characters";
  if (origin === "array") return count === 1 ? " entry" : " entries";
  return "";
}
