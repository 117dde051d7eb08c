import { describe, expect, it } from "vitest";
import { consoleStage } from "./console-stage.ts";
import { refused, session } from "./gathered-stage.ts";

async function stageWith() {
  const stage = await consoleStage();
  const cookie = await stage.signIn();
  const traits = { asset: "film", country: "DE", asn: 3320, player: "VLC" };
  await stage.gathered.report({
    ...{ worker: "edge", counts: [], ended: [] },
    alive: [session({ player: "VLC" }), session({ sessionId: "t".repeat(22), assetId: "news", country: "FR" })],
    refusals: [refused(traits), refused({ request: "1123456789abcdef", asset: "news" })],
    groups: [
      ["asset", "film", "grant_expired", 70],
      ["asset", "film", "origin_failed", 2],
      ["asset", "news", "grant_expired", 1],
      ["country", "DE", "grant_expired", 71],
    ],
  });
  return { ...stage, text: async (path: string) => (await stage.look(path, cookie)).text() };
}

describe("the page of groups", () => {
  it("has sessions and refusals by asset, and whose fault they were, the most refused first", async () => {
    const { text } = await stageWith();
    const html = await text("/console/breakdown");
    expect(html).toContain('<a href="/console/breakdown" aria-current="page">');
    expect(html.indexOf('id="group-film"')).toBeLessThan(html.indexOf('id="group-news"'));
    for (const part of ['<td data-of="Refused">72</td>', "2 the origin&#39;s, 70 viewers&#39;"])
      expect(html).toContain(part);
  });

  it("groups by country, with its name, and counts one code alone", async () => {
    const { text } = await stageWith();
    const byCountry = await text("/console/breakdown?by=country");
    expect(byCountry).toContain("Germany");
    const oneCode = await text("/console/breakdown?by=asset&code=origin_failed");
    expect(oneCode).toContain('<td data-of="Refused">2</td>');
    expect(oneCode).not.toContain('<td data-of="Refused">72</td>');
  });

  it("shows made-up parameters nowhere", async () => {
    const { text } = await stageWith();
    const html = await text("/console/breakdown?by=%3Cb%3E&code=%3Cb%3E");
    expect(html).not.toContain("<b>");
    expect(html).toContain('id="group-film"');
  });

  it("leads to the sessions and refusals of a group", async () => {
    const { text } = await stageWith();
    const [, link = ""] = /id="group-film" href="([^"]+)"/.exec(await text("/console/breakdown")) ?? [];
    const found = await text(link.replaceAll("&amp;", "&"));
    expect(found).toContain("1 session found");
    expect(found).toContain("1 refusal found");
    for (const part of [" · film", " · DE", " · AS3320", " · VLC"]) expect(found).toContain(part);
    expect(await text("/console?find=FR&request=AS3320")).toContain("1 session found");
  });
});
