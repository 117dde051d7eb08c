import { shownMember } from "../base/body-text.ts";
import { isUnixSeconds } from "../base/time.ts";

/** What a member of an options object may be. A member without a value is left out, unless the rule is `required`. */
interface MemberRule {
  readonly accepts: (value: unknown) => boolean;
  /** In words, for the message: `seconds from 0 to 86400`. */
  readonly allowed: string;
  readonly required?: true;
  /** A time that is out of range is a RangeError, as everywhere in this package. */
  readonly isTime?: true;
}

/** A rule for each member of an options type, so that the compiler finds a member without one. */
export type MemberRules<Options> = { readonly [Member in keyof Required<Options>]: MemberRule };

/**
 * Throws if an argument is not an object with these members: a misspelt member would be ignored, and a wrong value could leave a
 * URL unsigned. The message names the function, the member, what is allowed and the type of the value; of values only numbers,
 * because any text may be a secret in the wrong place.
 *
 * @example checkOptions("renderPlaylist", { sign, step: 30_000 }, rules);
 * // TypeError: renderPlaylist: step must be whole seconds from 1 to 3600, not 30000
 */
export function checkOptions(call: string, options: unknown, rules: Readonly<Record<string, MemberRule>>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new TypeError(`${call}: its options must be an object, not ${found(options)}`);
  for (const name of Object.keys(options))
    if (!Object.hasOwn(rules, name))
      throw new TypeError(`${call}: no such option: ${shownMember(name)}. Use ${Object.keys(rules).join(", ")}`);
  for (const [name, { accepts, allowed, required, isTime }] of Object.entries(rules)) {
    const value: unknown = Reflect.get(options, name);
    if (value === undefined ? required !== true : accepts(value)) continue;
    const fault = `${call}: ${name} must be ${allowed}, ${value === undefined ? "and is missing" : `not ${found(value)}`}`;
    throw isTime === true && typeof value === "number" ? new RangeError(fault) : new TypeError(fault);
  }
}

function found(value: unknown): string {
  if (typeof value === "number" || value === null || value === undefined) return String(value);
  return `this ${Array.isArray(value) ? "array" : typeof value}`;
}

export function required(rule: MemberRule): MemberRule {
  return { ...rule, required: true };
}

/** The rules with no member required: of options that one object may carry for two functions. */
export function optional(rules: Readonly<Record<string, MemberRule>>): Readonly<Record<string, MemberRule>> {
  const entries = Object.entries(rules).map(([name, { required: _, ...rule }]) => [name, rule]);
  return Object.fromEntries(entries);
}

export function someText(allowed = "text that is not empty", form = /./s): MemberRule {
  return { allowed, accepts: (value) => typeof value === "string" && form.test(value) };
}

export function list(
  allowed: string,
  accepts: (entry: string) => boolean,
  { least = 0, most = 1000 } = {},
): MemberRule {
  const isEntry = (entry: unknown) => typeof entry === "string" && accepts(entry);
  return {
    allowed,
    accepts: (value) => Array.isArray(value) && value.length >= least && value.length <= most && value.every(isEntry),
  };
}

export function map(allowed: string, accepts: (entry: unknown) => boolean): MemberRule {
  return {
    allowed,
    accepts: (value) =>
      value instanceof Map && [...value].every(([name, entry]) => typeof name === "string" && accepts(entry)),
  };
}

export function oneOf(values: readonly string[]): MemberRule {
  const allowed = values.map((value) => JSON.stringify(value)).join(", ");
  return {
    allowed: values.length === 1 ? `${allowed} or left out` : `one of ${allowed}`,
    accepts: (value) => typeof value === "string" && values.includes(value),
  };
}

/** A duration; a number of milliseconds is most often out of its range. */
export function duration(least: number, most: number, whole = false): MemberRule {
  return {
    allowed: `${whole ? "whole seconds" : "seconds"} from ${least} to ${most}`,
    accepts: (value) =>
      typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value)),
  };
}

export const unixTime: MemberRule = {
  allowed: "whole seconds since 1970, not milliseconds",
  accepts: isUnixSeconds,
  isTime: true,
};
export const flag: MemberRule = { allowed: "true or false", accepts: (value) => typeof value === "boolean" };
export const callback: MemberRule = { allowed: "a function", accepts: (value) => typeof value === "function" };
export const anObject: MemberRule = {
  allowed: "an object",
  accepts: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};

export const absolutePath = someText("a path that begins with a slash", /^\//);
