import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { newDevKeys } from "../../../cli/lib/dev-keys.ts";
import { folder, json, secretsIn, stagedoor } from "./command-line.ts";

const place = folder();
const ring = join(place, "keys.json");
const otherRing = join(place, "other.json");

async function sign(...words: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await stagedoor("sign", "--ring", ring, ...words);
  if (exit !== 0) throw new Error(stderr);
  return stdout;
}

const explain = (text: string, ...words: readonly string[]) => json("explain", text, "--ring", ring, ...words);

beforeAll(async () => {
  for (const file of [ring, otherRing])
    writeFileSync(file, JSON.stringify({ keys: await newDevKeys() }), { mode: 0o600 });
});

describe("a URL created by `stagedoor sign`", () => {
  it("is explained as served, and after its expiry as renewed", async () => {
    const url = await sign("vod-ts/270p/0.ts?v=1", "--expires-in", "10m", "--session-expires-in", "2h");
    expect(url).toMatch(/^http:\/\/localhost:8788\/[\w-]+\/vod-ts\/270p\/0\.ts\?v=1&seg=\d+\.[\w-]{22}$/);
    expect(await explain(url)).toMatchObject({ exit: 0, kind: "media", verdict: "served", code: null });
    expect(await explain(url, "--now", "+11m")).toMatchObject({ exit: 0, verdict: "renewed", code: null });
    expect(await explain(url, "--now", "+11m", "--renewal", "off")).toMatchObject({
      exit: 1,
      code: "signature_expired",
    });
    expect(await explain(url, "--now", "+121m")).toMatchObject({ exit: 1, verdict: "refused", code: "grant_expired" });
  });

  it("opens a file that no playlist names, if the asset's files allow it", async () => {
    const url = await sign("/vod-ts/poster.jpg", "--purpose", "file");
    expect(url).toMatch(/\/vod-ts\/poster\.jpg\?file=\d+\.[\w-]{22}$/);
    const explained = await explain(url);
    expect(explained).toMatchObject({ exit: 0, kind: "media", verdict: "served", code: null });
    expect(JSON.stringify(explained.steps)).toContain("the asset's files are poster.jpg");
    expect(await explain(url, "--now", "+6m")).toMatchObject({ exit: 0, verdict: "renewed" });
    expect(await explain(url.replace("file=", "seg="))).toMatchObject({ exit: 1, code: "signature_invalid" });
    const other = await stagedoor("sign", "--ring", ring, "/vod-ts/index.m3u8", "--purpose", "file");
    expect([other.exit, other.stderr]).toEqual([1, expect.stringContaining("its files are poster.jpg")]);
  });

  it("of a stream is explained as refused with a grant for files, and the other way round", async () => {
    const [segment, file] = [await sign("/vod-ts/270p/0.ts"), await sign("/vod-ts/poster.jpg", "--purpose", "file")];
    const [ofStream = "", ofFiles = ""] = [segment, file].map((url) => new URL(url).pathname.split("/")[1]);
    const swapped = await explain(segment.replace(ofStream, ofFiles));
    expect(swapped).toMatchObject({ exit: 1, code: "path_not_covered" });
    expect(JSON.stringify(swapped.steps)).toContain("a grant for files opens file URLs only");
    expect(await explain(ofFiles)).toMatchObject({ exit: 0, kind: "grant" });
    expect(await explain(file.replace(ofFiles, ofStream))).toMatchObject({ exit: 1, code: "signature_invalid" });
  });

  it("is an alias for a file that is not canonical, and explained by the file's real name", async () => {
    const url = await sign("/vod-ts/a;b//0.ts?hdnts=exp=1~hmac=a");
    const [, alias = ""] = /\/vod-ts\/(~\/[\w-]+\.ts)\?seg=/.exec(url) ?? [];
    expect(await sign(`/vod-ts/${alias}`)).toContain(`/vod-ts/${alias}?seg=`);
    const { verdict, steps } = await explain(url);
    expect(verdict).toBe("served");
    expect(JSON.stringify(steps)).toContain('an alias for a;b//0.ts with the parameters \\"hdnts\\"');
    expect(JSON.stringify(steps)).not.toContain("hmac");
    expect((await stagedoor("sign", "--ring", ring, "/vod-ts/..%2F0.ts")).stderr).toContain("a dot segment");
  });

  it("has a grant that is explained by itself, and never shown", async () => {
    const [, grant = ""] = new URL(await sign("vod-ts/270p/0.ts", "--session-expires-in", "2h")).pathname.split("/");
    const explained = await explain(grant);
    expect(explained).toMatchObject({ exit: 0, kind: "grant", verdict: "accepted", code: null });
    expect(await explain(grant, "--now", "+121m")).toMatchObject({ exit: 1, code: "grant_expired" });
    expect(await json("explain", grant, "--ring", otherRing)).toMatchObject({ exit: 1, code: "grant_invalid" });
    expect(JSON.stringify(explained)).not.toContain(grant.slice(0, 40));
  });

  it("is refused with a changed byte, under other keys, or for another file, and no secret is shown", async () => {
    const url = await sign("/vod-ts/index.m3u8");
    const [signature = ""] = url.match(/[\w-]{22}$/) ?? [];
    const changed = url.slice(0, -1) + (url.endsWith("A") ? "Q" : "A");
    const run = await stagedoor("explain", changed, "--ring", ring);
    expect(run.exit).toBe(1);
    expect(run.stdout).toContain("Refused: signature_invalid (403). Invalid signature.");
    expect(run.stdout).toContain("What to do  The URL was changed after it was signed.");
    expect(run.stdout).toMatch(/^ {2}More {8}docs\/troubleshooting\.md#signature_invalid$/m);
    expect(await explain(changed)).toMatchObject({ help: "docs/troubleshooting.md#signature_invalid" });
    const [, grant = ""] = new URL(url).pathname.split("/");
    for (const secret of [grant, signature, signature.slice(0, -1), ...secretsIn(ring)])
      expect(run.stdout + run.stderr).not.toContain(secret);
    expect(await explain(url.replace("index.m3u8", "270p/index.m3u8"))).toMatchObject({
      exit: 1,
      code: "signature_invalid",
    });
    expect(await explain(url.replace("/vod-ts/", "/vod-aes/"))).toMatchObject({ exit: 1, code: "path_not_covered" });
    expect(await json("explain", url, "--ring", otherRing)).toMatchObject({ exit: 1, code: "grant_invalid" });
  });

  it("is explained as far as possible if one part is broken", async () => {
    const url = await sign("/vod-ts/270p/0.ts");
    const { code, steps } = await explain(url.replace("/vod-ts/", "/vod-ts/../vod-ts/"), "--now", "+1d");
    expect(code).toBe("path_invalid");
    expect(steps.map(({ part, state }: { part: string; state: string }) => [part, state])).toEqual([
      ["path", "fail"],
      ["grant", "pass"],
      ["session", "fail"],
      ["asset", "info"],
      ["signature", "info"],
      ["expiry", "info"],
    ]);
  });

  it("has the purpose of its file, or that of --purpose", async () => {
    expect(await sign("/vod-aes/index.m3u8")).toContain("?list=");
    expect(await sign("/vod-aes/keys/0.key")).toContain("?key=");
    expect(await sign("--asset", "vod-aes", "keys/0.key", "--purpose", "segment")).toMatch(
      /\/vod-aes\/keys\/0\.key\?seg=/,
    );
    expect(await explain(await sign("/vod-aes/270p/0.ts"))).toMatchObject({ verdict: "served" });
  });
});

describe("a CloudFront URL created by `stagedoor sign`", () => {
  it.each(["vod-cloudfront", "vod-cloudfront-ec"])("is served until it expires: %s", async (asset) => {
    const url = await sign(`/${asset}/270p/0.ts`);
    expect(url).toMatch(new RegExp(`^http://localhost:8788/${asset}/270p/0\\.ts\\?Expires=\\d+&`));
    expect(await explain(url)).toMatchObject({ exit: 0, kind: "cloudfront", verdict: "served" });
    expect(await explain(url, "--now", "+6m")).toMatchObject({ exit: 1, code: "signature_expired" });
    expect(await explain(url.replace("0.ts", "1.ts"))).toMatchObject({ exit: 1, code: "signature_invalid" });
  });

  it("has the media host for a playlist", async () => {
    expect(await sign("/vod-cloudfront/index.m3u8")).toContain("?list=");
  });
});

describe("a bearer token created by `stagedoor token`", () => {
  it("starts the requested assets until it expires", async () => {
    const created = await json(
      "token",
      "--ring",
      ring,
      "--assets",
      "vod-ts,vod-aes",
      "--expires-in",
      "1h",
      "--subject",
      "ann",
    );
    expect(created).toMatchObject({ exit: 0, subject: "ann", assets: ["vod-ts", "vod-aes"], scope: "stream:play" });
    const accepted = await explain(created.token);
    expect(accepted).toMatchObject({ exit: 0, kind: "token", verdict: "accepted" });
    expect(accepted.grants).toContain('starting "vod-ts", "vod-aes"');
    expect(await explain(created.token, "--now", "+2h")).toMatchObject({ exit: 1, code: "token_expired" });
    expect(await json("explain", created.token, "--ring", otherRing)).toMatchObject({ exit: 1, code: "token_invalid" });
  });

  it("requires a key of the development issuer", async () => {
    const file = join(place, "session.json");
    const [session] = await newDevKeys();
    writeFileSync(file, JSON.stringify({ keys: [session] }));
    const run = await stagedoor("token", "--ring", file);
    expect([run.exit, run.stdout]).toEqual([1, ""]);
    expect(run.stderr).toContain("Omit --ring");
  });
});
