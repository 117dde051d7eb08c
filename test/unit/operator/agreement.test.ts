import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { explainUrl } from "../../../src/operator/explain/explain-url.ts";
import { type Circumstances, edgeVerdict, explainContext, secretsOf, targets } from "../manifest/stage.ts";
import { now } from "../signing/session.ts";

const today: Circumstances = { now, address: undefined, renewal: "redirect" };

async function explained(target: string, circumstances: Circumstances) {
  const explanation = await explainUrl(target, explainContext(circumstances));
  const { verdict, refusal, steps } = explanation;
  const failing = steps.filter(({ state }) => state === "fail");
  return { explanation, outcome: { verdict, code: refusal?.code }, failing };
}

describe("an explanation", () => {
  it.each([
    ["segment", "served", undefined],
    ["segmentWithQuery", "served", undefined],
    ["key", "served", undefined],
    ["playlist", "served", undefined],
    ["alias", "served", undefined],
    ["endedAlias", "renewed", undefined],
    ["aliasedPlaylist", "served", undefined],
    ["idleAlias", "refused", "path_invalid"],
    ["climbingAlias", "refused", "uri_foreign"],
    ["forgedAlias", "refused", "signature_invalid"],
    ["endedSegment", "renewed", undefined],
    ["endedPlaylist", "refused", "signature_expired"],
    ["boundSegment", "served", undefined],
    ["unboundSegment", "refused", "signature_invalid"],
    ["othersPlaylist", "refused", "signature_invalid"],
    ["elsewhere", "refused", "path_not_covered"],
    ["unsigned", "refused", "signature_missing"],
    ["bare", "refused", "signature_missing"],
    ["root", "refused", "signature_missing"],
    ["endedSession", "refused", "grant_expired"],
    ["endedKey", "refused", "key_unknown"],
    ["goneAsset", "refused", "asset_unknown"],
    ["canned", "served", undefined],
    ["custom", "served", undefined],
    ["endedCanned", "refused", "signature_expired"],
    ["notBegun", "refused", "signature_not_yet_valid"],
    ["forAnAddress", "refused", "address_not_covered"],
    ["otherResource", "refused", "path_not_covered"],
    ["strangePolicy", "refused", "signature_invalid"],
    ["forged", "refused", "signature_invalid"],
    ["otherAssetsKey", "served", undefined],
    ["unsignedCloudFront", "refused", "signature_missing"],
  ] as const)("agrees with the edge that the target %s is %s", async (name, verdict, code) => {
    const { outcome } = await explained(targets[name], today);
    expect(outcome).toEqual({ verdict, code });
    expect(await edgeVerdict(targets[name], today)).toEqual(outcome);
  });

  it("agrees with the edge on every changed URL at any time, and its first failing step has the refusal's code", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.values(targets)), changes, circumstances, async (target, list, at) => {
        const changed = list.reduce((text, change) => change(text), target);
        const { outcome, failing, explanation } = await explained(changed, at);
        expect(outcome).toEqual(await edgeVerdict(changed, at));
        if (outcome.verdict === "served") expect(failing).toEqual([]);
        if (outcome.verdict === "renewed") expect(failing.map(({ code }) => code)).toEqual(["signature_expired"]);
        if (outcome.verdict === "refused") expect(failing[0]?.code).toBe(outcome.code);
        const text = JSON.stringify(explanation);
        for (const secret of secretsOf(target)) expect(text).not.toContain(secret);
      }),
      { numRuns: 1500 },
    );
  });

  it("does not show an alias in a URL whose first segments are damaged", async () => {
    const aliased = Object.values(targets).find((target) => target.includes("/~/")) ?? "";
    const [alias = ""] = aliased.slice(aliased.indexOf("/~/") + 3).split(".", 1);
    expect(alias.length).toBeGreaterThan(20);
    const { explanation } = await explained(`/2${aliased}`, today);
    expect(JSON.stringify(explanation)).not.toContain(alias);
  });

  it("agrees with the edge on arbitrary text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), utf16), circumstances, async (text, at) => {
        const { outcome } = await explained(`/${text}`, at);
        expect(outcome).toEqual(await edgeVerdict(`/${text}`, at));
      }),
    );
  });
});

const utf16 = fc.uint16Array({ maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (text: string, where: number) => Math.floor(where * text.length);
const piece = fc.oneof(
  fc.constantFrom(
    "../",
    "./",
    "//",
    "%2e",
    "%2F",
    "%25",
    "\\",
    ";",
    "\0",
    "&",
    "=",
    "?",
    "#",
    "é",
    "a",
    "A",
    "0",
    ".",
    "~",
  ),
  fc.constantFrom(
    "&seg=1.AAAAAAAAAAAAAAAAAAAAAA",
    "&_HLS_msn=3",
    "&CMCD=a",
    "&Policy=e30_",
    "&Expires=1",
    "&Signature=",
  ),
);
const change: fc.Arbitrary<(text: string) => string> = fc.oneof(
  fc.tuple(place, piece).map(([where, what]) => (text: string) => {
    return text.slice(0, at(text, where)) + what + text.slice(at(text, where));
  }),
  fc.tuple(place, piece).map(([where, what]) => (text: string) => {
    return text.slice(0, at(text, where)) + what + text.slice(at(text, where) + what.length);
  }),
  place.map((where) => (text: string) => text.slice(0, at(text, where)) + text.slice(at(text, where) + 1)),
  place.map((where) => (text: string) => text.slice(0, at(text, where))),
  piece.map((what) => (text: string) => text + what),
  fc
    .constantFrom(
      ["seg=", "list="],
      ["list=", "seg="],
      ["seg=", "key="],
      ["key=", "seg="],
      ["/film/", "/premiere/"],
      ["/sea/", "/lake/"],
      ["Expires=1", "Expires=2"],
      ["&Hash-Algorithm=SHA256", ""],
    )
    .map(
      ([from = "", to = ""]) =>
        (text: string) =>
          text.replace(from, to),
    ),
);
const changes = fc.array(change, { maxLength: 3 });
const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  now: fc.constantFrom(-120, -1, 0, 0, 0, 59, 60, 299, 300, 21_599, 21_600).map((by) => timeAfter(now, seconds(by))),
  address: fc.constantFrom(undefined, "192.0.2.7", "198.51.100.1", "2001:db8::1"),
  renewal: fc.constantFrom("redirect", "off"),
});
