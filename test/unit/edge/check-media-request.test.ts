import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalQuery } from "../../../src/base/canonical-path.ts";
import { seconds, after as timeAfter, unixSeconds } from "../../../src/base/time.ts";
import { type CheckContext, checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { rememberGrants } from "../../../src/signing/grant.ts";
import { escapes } from "../signing/escapes.ts";
import {
  catalog,
  client,
  grantIssuer,
  grantOf,
  in5Minutes,
  in6Hours,
  keyOf,
  now,
  preparedKeys,
  sessionKey,
  signedTarget,
} from "../signing/session.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
const grant = grantOf(key);
const path = "/film/A/0.ts";

/** `passed`, `expired`, or the code of the refusal. */
function verdictOf(target: string, context: Partial<CheckContext> = {}): string {
  const checked = checkMediaRequest(target, { keys, catalog, grantIssuer, client, now, ...context });
  return checked.verdict === "refused" ? checked.refusal.code : checked.verdict;
}

const segment = (changes: Partial<Omit<Parameters<typeof signedTarget>[1], "purpose">> = {}) =>
  signedTarget(key, { purpose: "segment", grant, path, ...changes });

describe("a valid request", () => {
  it("names the file, its origin's own query and the appended parameters separately", () => {
    const checked = checkMediaRequest(`${segment({ query: "v=~2" })}&CMCD=x`, {
      keys,
      catalog,
      grantIssuer,
      client,
      now,
    });
    if (checked.verdict !== "passed") throw new Error("the request did not pass");
    const { access } = checked;
    expect(access).toMatchObject({ purpose: "segment", path, rest: "A/0.ts", query: "v=~2", appended: "CMCD=x" });
    expect([access.asset.id, access.grant.sessionId, access.expiry]).toEqual(["film", expect.any(String), in5Minutes]);
  });

  it.each([
    "CMCD=bl%3D21300%2Cbr%3D3200",
    "CMCD=br%3D1&CMSD=2",
    "_HLS_msn=12&_HLS_part=3",
    "_HLS_skip=YES",
    "seg=1",
    "list=&key=x",
    "~&;/?%",
  ])("passes with %j appended by a player", (appended) => {
    expect(verdictOf(`${segment({ query: "v=2" })}&${appended}`)).toBe("passed");
    expect(verdictOf(`${segment()}&${appended}`)).toBe("passed");
  });

  it.each(["seg=1795000000.eHh4eHh4eHh4eHh4eHh4eA", "key=abc", "list=/a/b?c", "a=1&b=~2", "t=%c3%a9", "x=%7E"])(
    "passes with the origin's own query %j, also if a player rewrites it with URLSearchParams",
    (query) => {
      const signed = segmentWithCanonical(query);
      const mark = signed.indexOf("?");
      expect(verdictOf(signed)).toBe("passed");
      expect(verdictOf(`${signed.slice(0, mark)}?${new URLSearchParams(signed.slice(mark))}&_HLS_msn=1`)).toBe(
        "passed",
      );
      expect(verdictOf(signed.replace("?", "?x=1&"))).toBe("signature_invalid");
    },
  );

  /** The service signs the canonical query; the playlist may spell it as the origin did. */
  function segmentWithCanonical(query: string): string {
    const canonical = canonicalQuery(query);
    return segment({ query: canonical }).replace(`?${canonical}&`, `?${query}&`);
  }
});

describe("A/../B with A's signature", () => {
  const signed = segment();
  it.each(escapes)("is refused as %s", (spelling) => {
    expect(verdictOf(signed)).toBe("passed");
    expect(verdictOf(signed.replace(path, spelling))).toMatch(/^(path_invalid|signature_invalid)$/);
  });

  it("is refused also after a proxy folded it", () => {
    const folded = new URL(signed.replace(path, "/film/A/../B/0.ts"), "https://media.example");
    expect(verdictOf(folded.pathname + folded.search)).toBe("signature_invalid");
    const away = new URL(signed.replace(path, "/film/A/../../film-2/A/0.ts"), "https://media.example");
    expect(verdictOf(away.pathname + away.search)).toBe("path_not_covered");
  });
});

describe("the check of a media request", () => {
  it("finds a URL expired from the second that it names, and no earlier", () => {
    const before = timeAfter(in5Minutes, seconds(-1));
    expect([verdictOf(segment(), { now: before }), verdictOf(segment(), { now: in5Minutes })]).toEqual([
      "passed",
      "expired",
    ]);
  });

  it("never calls a forgery expired, whatever expiry it claims", () => {
    const forged = segment().slice(0, -22) + "A".repeat(22);
    for (const expiry of ["0", "1", "1795000000", "1794999999", "253402300799"])
      expect(verdictOf(forged.replace(String(in5Minutes), expiry), { now: in5Minutes })).toBe("signature_invalid");
    expect(verdictOf(forged, { now: in5Minutes })).toBe("signature_invalid");
    expect(verdictOf(segment().replace(String(in5Minutes), String(now)))).toBe("signature_invalid");
  });

  it("returns grant_expired before any error of the signature, from the grant's expiry on", () => {
    const late = segment({ expiry: unixSeconds(in6Hours + 100) });
    const before = timeAfter(in6Hours, seconds(-1));
    expect([verdictOf(late, { now: before }), verdictOf(late, { now: in6Hours })]).toEqual(["passed", "grant_expired"]);
  });

  const bare = `/${grant}${path}`;
  it.each([
    ["signature_missing", "/film/A/0.ts"],
    ["signature_missing", bare],
    ["signature_missing", `${bare}?seg=1`],
    ["grant_invalid", segment().replace(`/${grant}`, "")],
    ["grant_invalid", segment().replace(grant, "G")],
    ["path_not_covered", segment({ path: "/film-2/A/0.ts" })],
    ["path_not_covered", segment({ path: "/filmA/0.ts" })],
    ["path_not_covered", segment({ path: "/film" })],
    ["path_not_covered", segment({ path: "/" })],
    ["path_not_covered", segment({ path: "/FILM/A/0.ts" })],
    ["path_not_covered", segment({ path: "/premiere/film/A/0.ts" })],
    ["path_invalid", segment({ path: "/film//A/0.ts" })],
    ["key_unknown", segment({ grant: grantOf({ ...key, kid: "2026-x" }) })],
    ["signature_invalid", segment({ grant: grantOf(keyOf(keys, "2026-b")) })],
  ])("returns %s for %s", (code, target) => {
    expect(verdictOf(target)).toBe(code);
  });

  it("refuses a grant of another issuer, even if the two share a key", () => {
    expect(verdictOf(segment(), { grantIssuer: "stagedoor-staging" })).toBe("grant_invalid");
  });

  it("reveals whether an asset exists only to a caller with a valid signature for it", () => {
    const gone = grantOf(key, { prefix: "/gone/" });
    const signed = segment({ grant: gone, path: "/gone/a.ts" });
    expect(verdictOf(signed)).toBe("asset_unknown");
    expect(verdictOf(`${signed.slice(0, -22)}${"A".repeat(22)}`)).toBe("signature_invalid");
  });

  it("refuses a remembered grant as soon as its key has expired", async () => {
    const ending = await preparedKeys([sessionKey("2026-a", 1, { exp: now + 10 })]);
    const open = rememberGrants(10);
    const later = timeAfter(now, seconds(10));
    expect(verdictOf(segment(), { keys: ending, open })).toBe("passed");
    expect(verdictOf(segment(), { keys: ending, open, now: later })).toBe("key_unknown");
    expect(verdictOf(`/${grant}${path}`, { keys: ending, open, now: later })).toBe("key_unknown");
  });

  it("serves a file by the asset's own prefix, even if the grant names a narrower one", () => {
    const narrow = grantOf(key, { prefix: "/film/A/" });
    const checked = checkMediaRequest(segment({ grant: narrow }), { keys, catalog, grantIssuer, client, now });
    expect(checked.verdict === "passed" && checked.access.rest).toBe("A/0.ts");
    expect(verdictOf(segment({ grant: narrow, path: "/film/B/0.ts" }))).toBe("path_not_covered");
  });
});

describe("unsigned targets", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      grant,
      "/",
      "film",
      "..",
      "%2e",
      "?",
      "&",
      "seg=",
      "list=",
      "key=",
      "1795000300.",
      "A".repeat(22),
      "\\",
      "\0",
      "é",
    ),
    fc.string({ unit: "binary" }),
  );

  it("are refused without an exception, and no reason quotes them", () => {
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join("")),
        fc.boolean(),
        (text, rooted) => {
          const target = rooted ? `/${grant}/film/${text}` : text;
          const checked = checkMediaRequest(target, { keys, catalog, grantIssuer, client, now });
          if (checked.verdict !== "refused") throw new Error("an unsigned target passed");
          expect(checked.refusal.reason).not.toContain(grant.slice(0, 10));
          expect(checked.refusal.reason).not.toMatch(/AAAA|\d{6}|[^ -~]/);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("a URL of a session whose quality is capped", () => {
  const sessionId = (letter: string) => ({ sessionId: `${letter.repeat(21)}A` });
  const [capped, whole] = [grantOf(key, { ...sessionId("b"), qualityClass: "h720" }), grantOf(key, sessionId("c"))];

  it("is signed for its class", () => {
    expect(verdictOf(segment({ grant: capped, qualityClass: "h720" }))).toBe("passed");
  });

  it.each([
    ["a friend's segment of every quality", segment({ grant: whole })],
    [
      "a friend's segment of a higher class",
      segment({ grant: grantOf(key, { qualityClass: "h1080" }), qualityClass: "h1080" }),
    ],
  ])("is not %s with its own grant", (_, friend) => {
    expect(verdictOf(friend)).toBe("passed");
    const [, theirs = ""] = friend.split("/");
    expect(verdictOf(friend.replace(theirs, capped))).toBe("signature_invalid");
  });

  it("opens nothing if this release does not know the class", () => {
    const later = grantOf(key, { qualityClass: "h720-4k" });
    expect(verdictOf(segment({ grant: later, qualityClass: "h720-4k" }))).toBe("grant_invalid");
  });
});
