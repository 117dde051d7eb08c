import { beforeEach, describe, expect, it } from "vitest";
import { explainText, pasted } from "../../../src/operator/explain/explain-text.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { operatorToken } from "../auth/operators.ts";
import { opened } from "../sessions/session-service.ts";
import { now } from "../signing/session.ts";
import { operatorStage } from "./operator-stage.ts";

let stage: Awaited<ReturnType<typeof operatorStage>>;
beforeEach(async () => {
  stage = await operatorStage();
});

const stepsOf = async (text: string) => {
  const { steps } = opened(await explainText({ text }, stage.context()));
  return Object.fromEntries(steps.map(({ part, state, text: words }) => [part, `${state}: ${words}`]));
};

describe("a pasted text", () => {
  const url = "https://media.example/g/film/index.m3u8?list=1.a";
  it.each([
    [` ${url}\n`, url],
    [`"${url}"`, url],
    [`'${url}'`, url],
    [`<${url}>`, url],
    [`curl -sI '${url}' -H 'Range: bytes=0-1'`, url],
    [`2026-11-22 07:00:00 GET ${url} 403`, url],
    ["Bearer a.b.c", "a.b.c"],
    ["authorization: DPoP a.b.c", "a.b.c"],
    [`curl ${url} -H "Authorization: Bearer a.b.c"`, "a.b.c"],
    ["a.b.c", "a.b.c"],
    ["some words", "some words"],
    ["", ""],
  ])("%j is read as %j", (text, content) => {
    expect(pasted(text)).toBe(content);
  });

  it.each([
    ["0123456789abcdef", "Request-Id"],
    ["0123456789abcdef-FRA", "Request-Id"],
    ["AAAAAAAAAAAAAAAAAAAAAA", "id: search the list of sessions"],
    ['{"worker":"edge","event":"refused","code":"x"}', "a log line"],
    [" ", "nothing: paste"],
  ])("is named for what it is if it is not a credential: %j", async (text, words) => {
    expect((await stepsOf(text))["what it is"]).toContain(words);
  });

  it("is identified as an operator's credential, accepted or not", async () => {
    const own = await operatorToken(stage.operators);
    expect((await stepsOf(own))["what it is"]).toContain("an operator's credential, which this deployment accepts");
    const forged = `${own.slice(0, -4)}AAAA`;
    expect((await stepsOf(forged))["what it is"]).toContain("which is not accepted");
  });
});

describe("the lease of an explained session", () => {
  async function started() {
    const session = opened(await stage.start({ asset: "film" }, { sub: "ann" }));
    const grant = opened(openGrant(session.grant, stage.context().keys, now));
    const { sessionId, issuedAt, expiresAt, login } = grant;
    const at = { now, issuedAt, expiresAt };
    const play = () =>
      stage.streams(grant.subject).touch({
        sessionId,
        assetId: "film",
        login,
        ...at,
        network: "4:192.0.2/24",
        playlist: false,
        mostNetworks: undefined,
      });
    return { ...session, play };
  }

  it("is not running after a revocation", async () => {
    const { grant, sessionId, play } = await started();
    await play();
    expect((await stepsOf(grant)).lease).toContain("pass: running");
    opened(await stage.revoke({ session: sessionId }));
    expect((await stepsOf(grant)).lease).toMatch(/^info: ended/);
  });

  it("is shown as not reported yet, rather than as used in 0 networks", async () => {
    stage = await operatorStage({ settings: { ...stage.context().settings, streamLimit: 2 } });
    const { grant } = await started();
    const { lease } = await stepsOf(grant);
    expect(lease).toContain("not reported by the media host yet");
    expect(lease).not.toContain("0 networks");
  });
});
