import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";
import { consoleStage } from "./console-stage.ts";

const started = "stagedoor_started_total";
const refused = 'stagedoor_unserved_total{what="start",cause="provider",code="token_invalid"}';

/** A day ago every start was accepted; now a tenth is refused. */
async function stageOfTwoDays() {
  const stage = await consoleStage();
  const report = (accepted: number, others: number, version: string) =>
    stage.gathered.report({
      ...{ worker: "api", refusals: [], alive: [], ended: [], states: [["version", `api ${version}`]] },
      counts: [
        [started, accepted],
        [refused, others],
      ],
    });
  stage.state.now = unixSeconds(now - 86_400);
  await report(100, 0, "1.0.0");
  stage.state.now = now;
  await report(90, 10, "1.1.0");
  const cookie = await stage.signIn();
  return { ...stage, look: async (path: string) => (await stage.look(path, cookie)).text() };
}

describe("the page of the last 24 hours", () => {
  it("says first what is worse than yesterday", async () => {
    const { look } = await stageOfTwoDays();
    expect(await look("/console/history")).toContain("Accepted starts: 90%, and 100% a day before.");
  });

  it("has a table for each chart, and the releases in words", async () => {
    const { look } = await stageOfTwoDays();
    const text = await look("/console/history");
    expect(text.match(/<svg[^>]* aria-hidden="true"/g)?.length).toBeGreaterThan(8);
    expect(text.match(/<table /g)).toHaveLength(8);
    expect(text.match(/class="mark"/g)).toHaveLength(8);
    expect(text).toContain('<td data-of="Today">90%</td><td data-of="A day before">100%</td>');
    expect(text).toContain("Release <code>api 1.1.0</code>");
  });

  it("says that nothing is worse without requests", async () => {
    const stage = await consoleStage();
    const text = await (await stage.look("/console/history", await stage.signIn())).text();
    expect(text).toContain("No figure is clearly worse than yesterday.");
    expect(text).not.toContain("NaN");
  });

  it("is part of the overview's headline, which does without it if the metrics object has an earlier release", async () => {
    const { look, gathered } = await stageOfTwoDays();
    expect(await look("/console")).toContain("because of the provider");
    await gathered.report({ worker: "api", counts: [[started, 1000]], refusals: [], alive: [], ended: [] });
    expect(await look("/console/history")).toContain("No figure is clearly worse than yesterday.");
    const stage = await consoleStage();
    const history = () => Promise.reject(new TypeError("no such method"));
    const context = { ...stage.context, gathered: { ...stage.gathered, history } };
    const cookie = await stage.signIn();
    expect(await (await stage.look("/console", cookie, context)).text()).toContain("All is well.");
    expect(await (await stage.look("/console/history", cookie, context)).text()).toContain(
      "The last days are unavailable.",
    );
  });
});
