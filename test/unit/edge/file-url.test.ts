import { describe, expect, it } from "vitest";
import { mediaPurposes, parameterOf } from "../../../src/base/media-purpose.ts";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { type CheckContext, checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { renewUrl } from "../../../src/edge/renew-url.ts";
import { downloadQuery } from "../../../src/signing/download-name.ts";
import { openGrant } from "../../../src/signing/grant.ts";
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
  type UrlParts,
} from "../signing/session.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
const files = grantOf(key, { use: "files" });
const stream = grantOf(key);
const context: CheckContext = { keys, catalog, grantIssuer, client, now };

/** `passed`, `expired`, or the code of the refusal. */
function verdictOf(target: string, changes: Partial<CheckContext> = {}): string {
  const checked = checkMediaRequest(target, { ...context, ...changes });
  return checked.verdict === "refused" ? checked.refusal.code : checked.verdict;
}

const file = (changes: Partial<UrlParts> = {}) =>
  signedTarget(key, { purpose: "file", grant: files, path: "/film/poster.jpg", ...changes });

describe("a grant for files", () => {
  it("is read as it was written, and is another grant than a stream's", () => {
    expect(openGrant(files, keys, now)).toMatchObject({ ok: true, value: { use: "files" } });
    expect(openGrant(stream, keys, now)).not.toHaveProperty("value.use");
    expect(files).not.toBe(stream);
  });

  it("opens file URLs only", () => {
    const verdicts = mediaPurposes.map((purpose) =>
      verdictOf(signedTarget(key, { purpose, grant: files, path: "/film/poster.jpg" })),
    );
    expect(verdicts).toEqual(["path_not_covered", "path_not_covered", "path_not_covered", "passed"]);
  });

  it("opens no segment whose shared signature comes from another viewer's playlist", () => {
    const segment = signedTarget(key, { purpose: "segment", grant: stream, path: "/film/0.ts" });
    expect(verdictOf(segment)).toBe("passed");
    expect(verdictOf(segment.replace(stream, files))).toBe("path_not_covered");
    expect(verdictOf(segment.replace(stream, files), { now: unixSeconds(in5Minutes + 1) })).toBe("path_not_covered");
  });

  it("opens no other asset", () => {
    expect(verdictOf(file({ path: "/premiere/poster.jpg" }))).toBe("path_not_covered");
  });
});

describe("a stream's grant", () => {
  it("opens no file URL, neither its own nor one of a files grant", () => {
    expect(verdictOf(file({ grant: stream }))).toBe("path_not_covered");
    expect(verdictOf(file().replace(files, stream))).toBe("signature_invalid");
  });
});

describe("a file URL", () => {
  it("is bound to its grant", () => {
    const other = grantOf(key, { use: "files", sessionId: "AAAAAAAAAAAAAAAAAAAAAA" });
    expect(verdictOf(file())).toBe("passed");
    expect(verdictOf(file().replace(files, other))).toBe("signature_invalid");
  });

  it("is invalid under another purpose's name", () => {
    for (const purpose of mediaPurposes)
      if (purpose !== "file") {
        expect(verdictOf(file().replace("file=", `${parameterOf[purpose]}=`))).toBe("signature_invalid");
        const swapped = signedTarget(key, { purpose, grant: files, signedGrant: files, path: "/film/poster.jpg" });
        expect(verdictOf(swapped.replace(`${parameterOf[purpose]}=`, "file="))).toBe("signature_invalid");
      }
  });

  it.each(["index.m3u8", "keys/0.key", "360p/0.ts", "poster.png", "a/index.m3u8/x.jpg", "~/cG9zdGVyLmpwZz9hPTE.jpg"])(
    "of a file that the globs do not allow is refused even if it was signed: %s",
    (path) => {
      expect(verdictOf(file({ path: `/film/${path}` }))).toMatch(/file_forbidden|path_invalid/);
    },
  );

  it("stops working when the asset's globs no longer allow the file", () => {
    expect(verdictOf(file({ grant: grantOf(key, { use: "files", prefix: "/film-2/" }), path: "/film-2/a.jpg" }))).toBe(
      "file_forbidden",
    );
  });

  it("names a download in its signed query, which the origin does not get", () => {
    const query = downloadQuery("Mein Film.jpg");
    const checked = checkMediaRequest(`${file({ query })}&utm=1`, context);
    expect(checked).toMatchObject({ access: { download: "Mein Film.jpg", query: "", signedQuery: query } });
    expect(verdictOf(file({ query }).replace("Mein", "Dein"))).toBe("signature_invalid");
    expect(checkMediaRequest(file({ query: "v=2" }), context)).toMatchObject({
      access: { download: undefined, query: "v=2" },
    });
  });

  it("that has expired is renewed as a file URL, with its download name", () => {
    const at = unixSeconds(in5Minutes + 9);
    const checked = checkMediaRequest(file({ query: downloadQuery("a b.jpg") }), { ...context, now: at });
    if (checked.verdict !== "expired") throw new Error(`the URL is ${checked.verdict}`);
    const location = renewUrl(checked.access, at, seconds(300), seconds(30)).headers.get("Location") ?? "";
    expect(location).toMatch(/^\.\/poster\.jpg\?download=a%20b\.jpg&file=\d{10}\.[\w-]{22}$/);
    const { pathname, search } = new URL(location, `https://media.example/${files}/film/`);
    expect(verdictOf(pathname + search, { now: at })).toBe("passed");
    expect(verdictOf((pathname + search).replace("file=", "seg="), { now: at })).toBe("signature_invalid");
  });
});
