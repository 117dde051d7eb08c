import { isObject } from "../../src/base/body-text.ts";
import { systemTimer } from "../../src/base/time.ts";
import { secretReferences } from "../../src/deployment/issuers-of.ts";
import { placeholders } from "../../src/deployment/placeholders.ts";
import { type Args, endFailed, endMisused } from "../lib/command.ts";
import { discover } from "../lib/discovery.ts";
import { entryFor, readDiscovery } from "../lib/entry-options.ts";
import { parseJson, readText, shortName } from "../lib/files.ts";

/** Asks a question, and returns the answer or the default. */
export type Ask = (question: string, standard: string) => Promise<string>;

/** The issuers of a new deployment, and the names of the secrets that they refer to. */
export interface ProviderAnswer {
  readonly issuers: readonly unknown[];
  readonly secrets: readonly string[];
}

/**
 * The issuers of --issuers, or one by the provider's discovery URL, as `issuers add` writes it. Without either it is a placeholder,
 * which a deployment refuses.
 */
export async function readProvider(args: Args, ask: Ask): Promise<ProviderAnswer> {
  const file = args.value("issuers");
  if (file !== undefined) {
    for (const option of ["discovery", "audience"])
      if (args.value(option) !== undefined) endMisused(`Give only one of --issuers and --${option}.`);
    return issuersIn(file);
  }
  const question = "Discovery URL of your provider, which is the issuer (iss) of its tokens; empty to fill it in later";
  const given = args.value("discovery") ?? (await ask(question, ""));
  if (given === "") {
    if (args.value("audience") !== undefined)
      endMisused("--audience needs the provider's address: give --discovery <url> as well.");
    return { issuers: [placeholders.issuer], secrets: [] };
  }
  const url = readDiscovery(given);
  const provider = await discover(url, { fetch, timer: systemTimer }, undefined);
  if (!provider.ok)
    return endFailed(
      `${provider.refusal}\nNothing was written. Without --discovery, init writes a placeholder, and \`npx stagedoor issuers add --discovery ${url} --audience <name>\` adds the issuer later.`,
    );
  const audience =
    args.value("audience") ??
    (await ask("Audience, the name of this service in its tokens", placeholders.issuer.audience));
  const { issuer, ...members } = entryFor(provider.value, args);
  return { issuers: [{ issuer, ...members, audience }], secrets: [] };
}

/** The list in a file, with the name of a secret in place of each secret: a deployment's file is committed. */
function issuersIn(file: string): ProviderAnswer {
  const list = parseJson(readText(file, "the issuers"));
  if (!Array.isArray(list) || list.length === 0)
    return endMisused(
      `${shortName(file)} must be a JSON list of issuers; docs/identity-providers/index.md has one per provider.`,
    );
  const entries = list.filter(isObject);
  if (entries.length < list.length)
    return endMisused(`${shortName(file)} must be a list of objects: one of its entries is none.`);
  const { names, inline } = secretReferences(entries);
  const free = freeNames(new Set(names));
  const replaced = inline.map((path) => {
    if (path.at(-1) === "d")
      endMisused(
        `${shortName(file)} has the private half of a key (d) in entry ${String(path[0])}: remove it. Tokens are verified with the public half.`,
      );
    return { path: path.join("."), name: free() };
  });
  const withReferences = (value: unknown, path: readonly PropertyKey[]): unknown => {
    const secret = replaced.find((one) => one.path === path.join("."));
    if (secret !== undefined) return { secret: secret.name };
    if (Array.isArray(value)) return value.map((one: unknown, index) => withReferences(one, [...path, index]));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([member, one]) => [member, withReferences(one, [...path, member])]),
    );
  };
  return {
    issuers: entries.map((entry, index) => withReferences(entry, [index])),
    secrets: [...names, ...replaced.map(({ name }) => name)],
  };
}

/** ISSUER_SECRET, ISSUER_SECRET_2 and so on, without the names in use. */
function freeNames(used: ReadonlySet<string>): () => string {
  let count = 0;
  return () => {
    do count += 1;
    while (used.has(nameOf(count)));
    return nameOf(count);
  };
}

function nameOf(count: number): string {
  return count === 1 ? "ISSUER_SECRET" : `ISSUER_SECRET_${count}`;
}
