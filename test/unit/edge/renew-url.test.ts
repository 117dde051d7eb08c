import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { between, seconds, unixSeconds } from "../../../src/base/time.ts";
import { checkMediaRequest, type MediaAccess } from "../../../src/edge/check-media-request.ts";
import { renewUrl } from "../../../src/edge/renew-url.ts";
import {
  catalog,
  client,
  grantIssuer,
  grantOf,
  in5Minutes,
  keyOf,
  now,
  preparedKeys,
  signedTarget,
} from "../signing/session.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
const host = "https://media.example";
const late = in5Minutes;

function expiredAccess(target: string): MediaAccess {
  const checked = checkMediaRequest(target, { keys, catalog, grantIssuer, client, now: late });
  if (checked.verdict !== "expired") throw new Error(`the URL is ${checked.verdict}`);
  return checked.access;
}

/** The target that a player requests next. */
function nextTarget(target: string, response: Response): string {
  const { pathname, search } = new URL(response.headers.get("Location") ?? "", host + target);
  return pathname + search;
}

const renewed = (target: string, at = late) => renewUrl(expiredAccess(target), at, seconds(300), seconds(30));

describe("renewUrl", () => {
  const targets = ["film", "premiere"].flatMap((id) => {
    const grant = grantOf(key, { prefix: `/${id}/` });
    const signedGrant = id === "premiere" ? grant : "";
    const paths = ["a.ts", "360p/0.ts", "360p/a:b.ts", "360p/caf%C3%A9.ts", "x/@,=.m4s"];
    return paths.flatMap((rest) =>
      (["segment", "key"] as const).flatMap((purpose) =>
        ["", "v=2&seg=3"].map((query) =>
          signedTarget(key, { purpose, grant, signedGrant, path: `/${id}/${rest}`, query }),
        ),
      ),
    );
  });

  it.each(targets)("returns a URL of the same file that is valid again: …%#", (target) => {
    const next = nextTarget(target, renewed(target));
    const { access } = passed(next);
    const { path, query, purpose, grant } = expiredAccess(target);
    expect(access).toMatchObject({ path, query, purpose, grant });
    expect(between(late, access.expiry)).toBeGreaterThanOrEqual(300);
  });

  const target = targets[0] ?? "";

  it("returns the same URL to every request within a step", () => {
    const locations = [0, 1, 29].map((by) => renewed(target, unixSeconds(1_795_000_321 + by)).headers.get("Location"));
    expect(new Set(locations).size).toBe(1);
  });

  it("returns no URL that outlives the session", () => {
    const ends = unixSeconds(late + 40);
    const short = signedTarget(key, {
      purpose: "segment",
      grant: grantOf(key, { expiresAt: ends }),
      path: "/film/a.ts",
    });
    expect(passed(nextTarget(short, renewed(short))).access.expiry).toBe(ends);
  });

  it("answers with a 307 that is not cacheable and names no grant", () => {
    const response = renewed(target);
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([307, "no-store"]);
    expect(response.headers.get("Location")).toMatch(/^\.\/a\.ts\?seg=\d{10}\.[A-Za-z0-9_-]{22}$/);
  });

  it("keeps the parameters that the player appended, and the URL stays valid with them", () => {
    const next = nextTarget(target, renewed(`${target}&CMCD=br%3D1%2Csid%3D%22x%22&y`));
    expect(next).toMatch(/&CMCD=br%3D1%2Csid%3D%22x%22&y$/);
    expect(passed(next).access.appended).toBe("CMCD=br%3D1%2Csid%3D%22x%22&y");
  });

  it("stays on the host and adds no other header, whatever is appended", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (noise) => {
        const response = renewed(`${target}&${noise}`);
        expect([...response.headers.keys()].sort()).toEqual(["cache-control", "location", "referrer-policy"]);
        expect(response.headers.get("Location")).toMatch(/^\.\/a\.ts\?[!-~]*$/);
        expect(new URL(response.headers.get("Location") ?? "", host + target).origin).toBe(host);
      }),
    );
  });

  function passed(url: string) {
    const checked = checkMediaRequest(url, { keys, catalog, grantIssuer, client, now: late });
    if (checked.verdict !== "passed") throw new Error(`the renewed URL is ${checked.verdict}`);
    return checked;
  }
});

it("a URL that is still valid is not renewed", () => {
  const grant = grantOf(key);
  const target = signedTarget(key, { purpose: "segment", grant, path: "/film/a.ts" });
  expect(checkMediaRequest(target, { keys, catalog, grantIssuer, client, now }).verdict).toBe("passed");
});
