import { readFileSync } from "node:fs";
import { revokeScope } from "../../src/flows/session/revoke.ts";
import { signDevToken } from "../local/dev-token.ts";
import type { Command, Given } from "./command.ts";
import { readRing, ringOption } from "./files.ts";
import { endFailed, endMisused, failed, good, type Outcome } from "./outcome.ts";
import { readTime } from "./times.ts";

const localApi = "http://localhost:8787";

export const revokeCommand: Command = {
  name: "revoke",
  summary: "end sessions before their time, everywhere within two seconds",
  operands: [],
  options: {
    ...ringOption,
    session: { type: "string" },
    subject: { type: "string" },
    token: { type: "string" },
    issuer: { type: "string" },
    asset: { type: "string" },
    key: { type: "string" },
    until: { type: "string" },
    lift: { type: "boolean" },
    api: { type: "string" },
    bearer: { type: "string" },
  },
  help: `Forbids what the media host would serve, by asking the API's /revocations. Name one:

  --session <id>                       one playback session
  --subject <sub> --issuer <iss>       a viewer's sessions and bearer tokens so far; he may log in again
  --token <jti> --issuer <iss>         a bearer token and the sessions that it started
  --asset <id>                         an asset, for everybody
  --key <kid>                          a session key that has leaked: it signs and opens nothing more

  --until <time>                       until then, where the longest session ends before: +30d, 2027-01-01T00:00:00Z
  --lift                               takes it back
  --api <url>                          the API, with its base path (${localApi})
  --bearer <file>                      a bearer token with the scope ${revokeScope}; - reads it from standard input.
                                       The local API takes one of the development issuer, which is made without it.
  --ring <file>                        the key ring with the development issuer's key`,
  run: async (given) => {
    const until = given.one("until");
    const body = {
      ...readTarget(given),
      ...(until !== undefined && { until: readTime("until", until) }),
      ...(given.on("lift") && { lift: true }),
    };
    const api = readApi(given.one("api") ?? localApi);
    const bearer = await readBearer(given, api);
    return ask(`${api}/revocations`, bearer, body);
  },
};

function readTarget(given: Given): object {
  const [subject, token, issuer] = [given.one("subject"), given.one("token"), given.one("issuer")];
  const simple = ["session", "asset", "key"].filter((name) => given.one(name) !== undefined);
  const named = [...simple, ...(subject === undefined ? [] : ["subject"]), ...(token === undefined ? [] : ["token"])];
  if (named.length !== 1) return endMisused("Name one of --session, --subject, --token, --asset and --key.");
  if ((subject ?? token) !== undefined && issuer === undefined)
    return endMisused("--subject and --token need --issuer: two issuers may use the same name.");
  if (subject !== undefined) return { subject: { issuer, subject } };
  if (token !== undefined) return { token: { issuer, jti: token } };
  const [name = ""] = simple;
  return { [name]: given.one(name) };
}

function readApi(text: string): string {
  const sound = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !/[?#]|\/$/.test(text);
  return sound
    ? text
    : endMisused("--api takes the API's address without a slash at its end: https://api.example.com.");
}

async function readBearer(given: Given, api: string): Promise<string> {
  const file = given.one("bearer");
  if (file !== undefined) return readFileSync(file === "-" ? 0 : file, "utf8").trim();
  const { hostname } = new URL(api);
  if (hostname !== "localhost" && hostname !== "127.0.0.1")
    return endMisused(
      `--bearer is missing: give a token with the scope ${revokeScope}; - reads it from standard input.`,
    );
  const ring = await readRing(given);
  return signDevToken(ring, { subject: "operator", assets: [], scope: revokeScope, lifetimeSeconds: 60 });
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
