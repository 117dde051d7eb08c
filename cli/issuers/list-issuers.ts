import { claimText } from "../../src/auth/claims.ts";
import type { Issuer } from "../../src/auth/issuer.ts";
import { systemTimer } from "../../src/base/time.ts";
import { type Args, type Command, succeeded } from "../lib/command.ts";
import { fetchKeySet } from "../lib/discovery.ts";
import { readText, shortName } from "../lib/files.ts";
import { table } from "../lib/text.ts";
import { fileHelp, fileOption, issuersIn, targetOf } from "./issuers-target.ts";

function issuersOf(args: Args): { readonly file: string; readonly issuers: readonly Issuer[] } {
  const target = targetOf(args);
  const { file } = target;
  return { file, issuers: issuersIn(target, readText(file, "the issuers")).settings };
}

export const issuersListCommand: Command = {
  name: "issuers list",
  summary: "list the issuers in a file, never their secrets",
  operands: [],
  options: fileOption,
  help: `Lists the issuers in a file: the audience and the claim that names it, the algorithms, and where the keys come from.

${fileHelp}`,
  run: async (args) => {
    const { file, issuers } = issuersOf(args);
    const listed = issuers.map((issuer) => ({
      issuer: issuer.issuer,
      audience: issuer.audience,
      audienceClaim: issuer.audienceClaim,
      algorithms: issuer.algorithms,
      keys: keySource(issuer),
    }));
    if (listed.length === 0)
      return succeeded(`${shortName(file)} has no issuers. ${addCommand} adds one.`, { file, issuers: [] });
    const rows = listed.map(({ issuer, audience, audienceClaim, algorithms, keys }) => [
      issuer,
      `${claimText(audienceClaim)} ${audience.join(" or ")}`,
      algorithms.join(", ") || "-",
      keys,
    ]);
    return succeeded(table([["ISSUER", "AUDIENCE", "ALGORITHMS", "KEYS"], ...rows]), { file, issuers: listed });
  },
};

const addCommand = "`npx stagedoor issuers add --discovery <url> --audience <name>`";

function keySource({ jwksUri, jwks, introspection }: Issuer): string {
  if (jwksUri !== undefined) return jwksUri;
  return jwks === undefined ? `asked at ${introspection?.url}` : `${jwks.keys.length} in the file`;
}

export const issuersCheckCommand: Command = {
  name: "issuers check",
  summary: "check that each issuer's keys can be fetched and fit its algorithms",
  operands: [],
  options: fileOption,
  help: `Fetches the keys of each issuer in a file as the API does, and compares them with the entry's algorithms. Exits with 1 if
there is a fault. Issuers with introspection are not asked, because that needs a token: npx stagedoor token --inspect.

${fileHelp}`,
  run: async (args, progress) => {
    const { file, issuers } = issuersOf(args);
    const checked: { readonly issuer: string; readonly keys: string; readonly faults: readonly string[] }[] = [];
    for (const issuer of issuers) {
      progress(`Checking ${issuer.issuer} …`);
      checked.push({ issuer: issuer.issuer, keys: keySource(issuer), faults: await faultsOf(issuer) });
    }
    const lines = checked.map(({ issuer, keys, faults }) =>
      faults.length === 0 ? `ok  ${issuer}  ${keys}` : [`NO  ${issuer}`, ...faults].join("\n    "),
    );
    const failing = checked.filter(({ faults }) => faults.length > 0).length;
    const text = lines.join("\n");
    if (failing === 0) return succeeded(text, { file, issuers: checked });
    const count = failing === 1 ? "1 issuer has a fault" : `${failing} issuers have faults`;
    const note = `${count} in ${shortName(file)}. \`npx stagedoor issuers add --discovery <url> --audience <name> --replace\` reads an issuer's metadata again.`;
    return { exit: 1, text, json: { file, issuers: checked }, note };
  },
};

async function faultsOf({ jwksUri, algorithms }: Issuer): Promise<readonly string[]> {
  if (jwksUri === undefined) return [];
  const set = await fetchKeySet(jwksUri, algorithms, { fetch, timer: systemTimer });
  if (!set.ok) return [set.refusal];
  const extra = algorithms.filter((algorithm) => !set.value.algorithms.includes(algorithm));
  const missing = set.value.algorithms.filter((algorithm) => !algorithms.includes(algorithm));
  return [
    ...(extra.length === 0 ? [] : [`algorithms has ${extra.join(", ")}, for which ${jwksUri} has no key: remove it.`]),
    ...(missing.length === 0
      ? []
      : [
          `algorithms is without ${missing.join(", ")}, for which ${jwksUri} has a key: tokens signed with it are refused.`,
        ]),
  ];
}
