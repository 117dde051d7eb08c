import { describe, expect, it } from "vitest";
import { explainUrl } from "../../../src/operator/explain/explain-url.ts";
import { explainContext, grant, targets } from "../manifest/stage.ts";
import { now } from "../signing/session.ts";

async function textOf(target: string, part: string): Promise<string | undefined> {
  const { steps } = await explainUrl(target, explainContext({ now, address: undefined, renewal: "redirect" }));
  return steps.find((step) => step.part === part)?.text;
}

describe("explain says", () => {
  it("whether a signature is bound to the session", async () => {
    expect(await textOf(targets.segment, "signature")).toContain("valid with any grant that covers the path");
    expect(await textOf(targets.playlist, "signature")).toContain("bound to this session");
    expect(await textOf(targets.boundSegment, "signature")).toContain("bound to this session");
  });

  it("what the grant covers, and its start and expiry", async () => {
    expect(await textOf(targets.segment, "asset")).toBe("covers everything below /film/");
    expect(await textOf(targets.segment, "session")).toBe(
      'BwcHBwcHBwcHBwcHBwcHBw of "stagedoor", started 2026-11-18T11:06:40Z (now), expires 2026-11-18T17:06:40Z (in 6 h)',
    );
  });

  it("that a signature is valid although the grant is not", async () => {
    const forged = targets.segment.replace(grant, `${grant.slice(0, -1)}${grant.endsWith("A") ? "Q" : "A"}`);
    expect(await textOf(forged, "grant")).toMatch(/the grant.* its key is "2026-a"|not a grant/);
    expect(await textOf(forged, "signature")).toContain('signed with the key "2026-a"');
  });

  it("which signature parameter is malformed", async () => {
    expect(await textOf(targets.segment.slice(0, -1), "signature")).toBe(
      "the query's seg parameter is not <expiry>.<22 characters>",
    );
  });

  it("the names of other parameters without their values", async () => {
    expect(await textOf(targets.segmentWithQuery, "query")).toBe(
      'parameters of the origin, signed with the path: "v", "key"',
    );
    expect(await textOf(targets.segmentWithQuery, "appended")).toMatch(/: "CMCD"$/);
  });

  it("the file of an alias with a valid signature, without parameter values", async () => {
    const text = 'an alias for hdnts=.../0;a.ts with the parameters "t"';
    expect(await textOf(targets.alias, "alias")).toBe(text);
    expect(await textOf(targets.alias, "path")).toBe("canonical: /film/~/....ts");
    expect(await textOf(targets.forgedAlias, "alias")).toBeUndefined();
  });

  it("no part of a grant or signature that was moved elsewhere in the URL", async () => {
    const context = explainContext({ now, address: undefined, renewal: "redirect" });
    const inPath = `/a${targets.segment}`;
    const inQuery = `${targets.playlist}&${targets.segment.slice(-22)}=1`;
    for (const target of [inPath, inQuery]) {
      const text = JSON.stringify(await explainUrl(target, context));
      for (const piece of target.match(/[\w-]{21,}/g) ?? []) expect(text).not.toContain(piece.slice(0, 40));
    }
  });
});
