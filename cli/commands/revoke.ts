import { operatorIssuer } from "../../src/credential/operator.ts";
import type { Command } from "./command.ts";
import { askApi, type OperatorApi, operatorApiOf, operatorApiOptions } from "./operator-api.ts";
import { endMisused, failed, good, type Outcome } from "./outcome.ts";
import { readTarget, targetOptions } from "./revoke-target.ts";
import { readTime } from "./times.ts";

export const revokeCommand: Command = {
  name: "revoke",
  summary: "end sessions before their time, everywhere within two seconds",
  operands: [],
  options: {
    ...operatorApiOptions,
    ...targetOptions,
    until: { type: "string" },
    lift: { type: "boolean" },
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

  --until <time>                       until then, and for a week at least: +30d, 2027-01-01T00:00:00Z. Without it a session is
                                       revoked for a week, when the longest has ended; a token in a file until it expires;
                                       everything else until --lift. A viewer whose tokens do not say when they were issued
                                       (iat) stays out until then
  --lift                               takes it back
  --api <url>                          the API, with its base path (http://localhost:8787)
  --bearer <file>                      an operator's credential with the scope operator:revoke, for --key operator:keys,
                                       which npx stagedoor operator new makes; - reads it from standard input.
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
    const scope = given.one("key") === undefined ? "operator:revoke" : "operator:keys";
    return ask(await operatorApiOf(given, scope), body);
  },
};

/** How the API writes the end of what stays until it is lifted. */
const forGood = "9999-12-31T23:59:59Z";

async function ask(api: OperatorApi, body: object): Promise<Outcome> {
  const asked = await askApi(api, "POST", "/operator/revocations", body);
  const { answer } = asked;
  if (!asked.ok) return failed(asked.message, { ...answer });
  const { revoked, until } = answer;
  if (until === undefined) return good(`The ${revoked} is free again.`, answer);
  const warning = answer.known === false ? `There is no such ${revoked} now: check how it is spelt.` : undefined;
  const end = until === forGood ? "--lift takes it back" : until;
  return good(`The ${revoked} is revoked. The edge refuses it within two seconds, until ${end}.`, answer, warning);
}
