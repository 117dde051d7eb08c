import { readFileSync } from "node:fs";
import { seconds } from "../../src/base/seconds.ts";
import { operatorIssuer } from "../../src/credential/operator.ts";
import type { Command, Given } from "./command.ts";
import { readRing, readText, ringOption } from "./files.ts";
import { operatorSigningKey, signOperatorToken } from "./operator-token.ts";
import { endFailed, endMisused, failed, good, type Outcome } from "./outcome.ts";
import { readTarget, targetOptions } from "./revoke-target.ts";
import { readTime } from "./times.ts";

const scope = "operator:revoke";
const localApi = "http://localhost:8787";

export const revokeCommand: Command = {
  name: "revoke",
  summary: "end sessions before their time, everywhere within two seconds",
  operands: [],
  options: {
    ...ringOption,
    ...targetOptions,
    until: { type: "string" },
    lift: { type: "boolean" },
    api: { type: "string" },
    bearer: { type: "string" },
  },
  help: `Forbids what the media host would serve, by asking the API's /operator/revocations. Name one:

  --session <id>                       one playback session
  --subject <sub> --issuer <iss>       a viewer's sessions and bearer tokens so far; he may log in again
  --token <file>                       a bearer token and the sessions that it started; - reads it from standard input.
                                       An operator's too: its issuer is ${operatorIssuer}
  --token <jti> --issuer <iss>         the same by its id
  --login <sid> --issuer <iss>         a session of sign-in: its tokens and the playback sessions that came from it
  --asset <id>                         an asset, for everybody
  --key <kid>                          a session or operator key that has leaked: nothing that it signed is taken

  --until <time>                       until then, where the longest session ends before: +30d, 2027-01-01T00:00:00Z
                                       (an asset, a key, a login and an operator: for good; the rest: a week)
  --lift                               takes it back
  --api <url>                          the API, with its base path (${localApi})
  --bearer <file>                      an operator's credential with the scope ${scope}, which
                                       npx stagedoor operator new makes; - reads it from standard input.
                                       The local API takes one of the ring's own operator key, made without it.
  --ring <file>                        the key ring with that key`,
  run: async (given) => {
    if (given.one("token") === "-" && given.one("bearer") === "-")
      endMisused("Standard input holds one of them alone: put the token or the credential into a file.");
    const until = given.one("until");
    const body = {
      ...readTarget(given),
      ...(until !== undefined && { until: readTime("until", until) }),
      ...(given.on("lift") && { lift: true }),
    };
    const api = readApi(given.one("api") ?? localApi);
    const bearer = await readBearer(given, api);
    return ask(`${api}/operator/revocations`, bearer, body);
  },
};

function readApi(text: string): string {
  const sound = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !/[?#]|\/$/.test(text);
  return sound
    ? text
    : endMisused("--api takes the API's address without a slash at its end: https://api.example.com.");
}

async function readBearer(given: Given, api: string): Promise<string> {
  const file = given.one("bearer");
  if (file !== undefined)
    return (file === "-" ? readFileSync(0, "utf8") : readText(file, "the operator's credential")).trim();
  const { hostname } = new URL(api);
  if (hostname !== "localhost" && hostname !== "127.0.0.1")
    return endMisused(
      `--bearer is missing: give an operator's credential with the scope ${scope}, which \`npx stagedoor operator new\` makes.`,
    );
  const key = operatorSigningKey(await readRing(given));
  if (key === undefined)
    return endFailed("The key ring holds no operator key that signs. Leave --ring out to use the keys of `npm start`.");
  const claims = { name: "local", scopes: [scope], lifetime: seconds(60) } as const;
  return (await signOperatorToken(key, claims)).token;
}

async function ask(url: string, bearer: string, body: object): Promise<Outcome> {
  const headers = { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(url, request).catch(() =>
    endFailed(`${url} does not answer. Is the API there? \`npm start\` starts it on this machine.`),
  );
  const answer: Readonly<Record<string, unknown>> = Object(await response.json().catch(() => undefined));
  if (!response.ok)
    return failed(`${response.status} ${answer.code ?? ""}: ${answer.detail ?? "the API says no more."}`, {
      ...answer,
    });
  const { revoked, until } = answer;
  if (until === undefined) return good(`The ${revoked} is free again.`, answer);
  const warning = answer.known === false ? `There is no such ${revoked} now: check how it is spelt.` : undefined;
  return good(`The ${revoked} is revoked. The edge refuses it within two seconds, until ${until}.`, answer, warning);
}
