import { describe, expect, it } from "vitest";
import { runChecks } from "../../../cli/doctor/doctor.ts";
import { bucketAddresses } from "../../../cli/doctor/live/bucket-addresses.ts";
import type { Live } from "../../../cli/doctor/live/live.ts";
import { originsCheck, publicBucketsCheck } from "../../../cli/doctor/live/origins.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { far, films, findingsOf } from "./doctor-stage.ts";
import { type Override, world } from "./doctor-world.ts";

const origin = "https://origin.films.test";
const hasSecret = (init: RequestInit) => new Headers(init.headers).has("X-Origin-Secret");

/** The origin's response to a request without the secret, or undefined for 403. */
const withoutSecret =
  (respond: (url: URL, init: RequestInit) => Response | "silent" | undefined): Override =>
  (url, init) =>
    url.origin === origin && !hasSecret(init) ? respond(url, init) : undefined;
const openFile = (end: string, respond: () => Response) =>
  withoutSecret(({ pathname }) => (pathname.endsWith(end) ? respond() : undefined));
const text = (body: string, headers: Record<string, string> = {}) => new Response(body, { headers });

async function reported(override: Override, more: Partial<Live> = {}) {
  const findings = await findingsOf([originsCheck], await world(override, more));
  return findings.map(({ id, severity, found }) => `${severity} ${id}: ${found}`);
}

describe("an origin with a secret", () => {
  it("that protects only its playlists is open: every kind of file is tried", async () => {
    for (const [end, what] of [
      ["/180p/0.ts", "segment"],
      ["/180p/init.mp4", "init segment"],
      ["/far/film.key", "key"],
      ["/180p/list.m3u8", "playlist"],
    ] as const)
      expect(await reported(openFile(end, () => text("…")))).toEqual([
        expect.stringMatching(new RegExp(`^fault origin_open: .* answers 200 to a plain GET of its ${what} without`)),
      ]);
  });

  it("that serves a HEAD, a range or a query of a segment without the secret is open", async () => {
    const methods = [
      [(_: URL, { method }: RequestInit) => method === "HEAD", "a HEAD"],
      [(_: URL, { headers }: RequestInit) => new Headers(headers).has("Range"), "a GET of a range"],
      [({ searchParams }: URL) => searchParams.has("x"), "a GET with a query"],
    ] as const;
    for (const [matches, what] of methods) {
      const open = withoutSecret((url, init) =>
        url.pathname.endsWith("0.ts") && matches(url, init) ? new Response(null) : undefined,
      );
      expect(await reported(open)).toEqual([expect.stringContaining(`answers 200 to ${what} of its segment`)]);
    }
  });

  it("with a media playlist as its entry is tested in the same way", async () => {
    const list = "#EXTM3U\n#EXTINF:4,\n0.ts\n";
    const single: Override = (url, init) =>
      url.origin === origin && (url.pathname.endsWith("0.ts") || (hasSecret(init) && url.pathname.endsWith("m3u8")))
        ? text(url.pathname.endsWith("0.ts") ? "…" : list)
        : undefined;
    expect(await reported(single)).toEqual([expect.stringContaining("of its segment without any secret")]);
  });

  it("is requested with the query of its entry", async () => {
    const requested = new Set<string>();
    const catalog = parseCatalog({ version: 1, assets: [{ ...far, entry: "index.m3u8?DVR&a=b" }] });
    if (!catalog.ok) throw new Error("the catalog is faulty");
    await reported(({ search }, init) => void (hasSecret(init) && requested.add(search)), { catalog: catalog.value });
    expect([...requested]).toContain("?DVR&a=b");
  });

  it("that doctor does not know is tested with its entry only, and the finding says so", async () => {
    const requested = new Set<string>();
    const findings = await reported((url) => void requested.add(url.pathname), { secretOf: () => undefined });
    expect(findings).toEqual([
      expect.stringMatching(/^warning origin_secret_absent: .*only the entry and no segment\.$/),
    ]);
    expect([...requested].filter((path) => path.endsWith(".ts"))).toEqual([]);
  });

  it("that names files of another host does not make doctor request them", async () => {
    const sent: string[] = [];
    const foreign: Override = (url, init) => {
      sent.push(`${url.host} ${hasSecret(init)}`);
      return url.origin === origin && hasSecret(init)
        ? text("#EXTM3U\n#EXTINF:4,\nhttps://ads.test/0.ts\n")
        : url.host === "ads.test"
          ? text("…")
          : undefined;
    };
    const [examined] = await runChecks([originsCheck], await world(foreign));
    expect(examined?.findings.map(({ id, about }) => `${id} ${about}`)).toEqual([
      "not_looked_at segments of asset far at its origin",
    ]);
    expect(sent.filter((line) => line.startsWith("ads.test"))).toEqual([]);
  });
});

describe("a response without the secret", () => {
  const redirect = (to: string) => () => new Response(null, { status: 302, headers: { Location: to } });

  it.each([
    ["500", () => new Response("", { status: 500 })],
    ["503", () => new Response("", { status: 503 })],
    ["429", () => new Response("", { status: 429 })],
    ["302", () => new Response(null, { status: 302 })],
    ["302", redirect("https://sign-in.test/")],
  ])("with status %s leaves the origin unclear, and is a warning", async (status, respond) => {
    const findings = await reported(withoutSecret(respond));
    expect(findings.length).toBeGreaterThan(0);
    for (const line of findings)
      expect(line).toMatch(new RegExp(`^warning origin_unclear: Its origin .*is answered ${status}`));
    expect((await findingsOf([originsCheck], await world(withoutSecret(respond)))).map(({ id }) => id)).toContain(
      "origin_unclear",
    );
  });

  it.each([
    ["a page to sign in", "text/html; charset=utf-8", "warning origin_unclear"],
    ["the film", "video/mp2t", "fault origin_open"],
  ])("that redirects to %s (%s) makes it a %s", async (_, type, expected) => {
    const redirecting = withoutSecret((__, { redirect: how }) =>
      how === "follow" ? text("…", { "Content-Type": type }) : new Response(null, { status: 302 }),
    );
    const [finding] = await reported(redirecting);
    expect(finding).toContain(expected);
  });

  it("that never comes leaves the origin unclear", async () => {
    const mute = withoutSecret((_, { method }) => (method === "HEAD" ? "silent" : undefined));
    expect(await reported(mute)).toContainEqual(
      expect.stringMatching(/origin_unclear.*a HEAD is not answered within 5 s/),
    );
  });

  it.each([401, 403, 404, 410])("with status %i counts as a refusal", async (status) => {
    expect(await reported(withoutSecret(() => new Response("", { status })))).toEqual([]);
  });
});

describe("an origin that answers 403 to us", () => {
  const refuses: Override = (url) => (url.origin === origin ? new Response("", { status: 403 }) : undefined);
  const advice = async (missingIs: object) => {
    const parsed = parseCatalog({ version: 1, assets: [{ ...far, origin: { ...far.origin, ...missingIs } }] });
    const catalog = parsed.ok ? parsed.value : undefined;
    return (await findingsOf([originsCheck], await world(refuses, { catalog }))).map(({ id, do: advice }) => [
      id,
      advice,
    ]);
  };

  it("refuses us, or hides a missing file if the asset says so", async () => {
    expect(await advice({})).toEqual([["origin_refuses_us", expect.stringContaining("set missingIs: 403")]]);
    expect(await advice({ missingIs: 403 })).toEqual([
      ["origin_entry_missing", expect.stringContaining("Check the secret too")],
    ]);
  });
});

describe("a file that an asset's `files` name", () => {
  const parsed = parseCatalog({ version: 1, assets: [{ ...far, files: ["poster.jpg", "thumbs/*.jpg"] }] });
  const catalog = parsed.ok ? parsed.value : undefined;
  const poster =
    (response: () => Response): Override =>
    ({ pathname }, init) =>
      pathname === "/far/poster.jpg" && hasSecret(init) ? response() : undefined;

  it.each([
    [undefined, () => text("a picture")],
    ["origin_file_missing", () => new Response(null, { status: 404 })],
    ["origin_file_refused", () => text("#EXTM3U\n0.ts\n")],
  ] as const)("is requested with the secret, unlike a wildcard: %s", async (id, response) => {
    const requested: string[] = [];
    const watched: Override = (url, init) => {
      requested.push(url.pathname);
      return poster(response)(url, init);
    };
    const findings = await findingsOf([originsCheck], await world(watched, { catalog }));
    expect(findings.map((finding) => finding.id)).toEqual(id === undefined ? [] : [id]);
    expect(requested.filter((path) => path.includes("thumbs"))).toEqual([]);
  });
});

describe("a check without a subject is not reported as passed", () => {
  const without = parseCatalog({ version: 1, assets: [films] });
  const catalog = without.ok ? without.value : undefined;

  it("if no asset has an HTTP origin", async () => {
    expect(await findingsOf([originsCheck], await world(undefined, { catalog }))).toMatchObject([
      { id: "not_looked_at", do: expect.stringContaining("No asset") },
    ]);
  });

  it("if a public bucket does not answer", async () => {
    const mute: Override = (url) => (url.host === "pub-1.r2.test" ? "silent" : undefined);
    expect(await findingsOf([publicBucketsCheck], await world(mute))).toMatchObject([{ id: "not_looked_at" }]);
  });
});

describe("a bucket of S3", () => {
  it.each([
    "https://films.s3.eu-central-1.amazonaws.com/far/index.m3u8",
    "https://films.s3-eu-central-1.amazonaws.com/far/index.m3u8",
    "https://films.s3.dualstack.eu-central-1.amazonaws.com/far/index.m3u8",
    "https://s3.eu-central-1.amazonaws.com/films/far/index.m3u8",
  ])("at %s has a website and other addresses", (url) => {
    const expected = [
      "https://films.s3.eu-central-1.amazonaws.com/far/index.m3u8",
      "https://s3.eu-central-1.amazonaws.com/films/far/index.m3u8",
      "http://films.s3-website-eu-central-1.amazonaws.com/far/index.m3u8",
      "http://films.s3-website.eu-central-1.amazonaws.com/far/index.m3u8",
      "https://films.s3-accelerate.amazonaws.com/far/index.m3u8",
    ];
    expect(bucketAddresses(url)).toEqual(expected.filter((address) => address !== url));
  });

  it("may have a dot in its name, or no region in its address, and other stores have no such addresses", () => {
    expect(bucketAddresses("https://a.films.s3.amazonaws.com/index.m3u8")).toContain(
      "http://a.films.s3-website-us-east-1.amazonaws.com/index.m3u8",
    );
    expect(bucketAddresses("https://films.r2.example/far/index.m3u8")).toEqual([]);
    expect(bucketAddresses("https://films.s3.amazonaws.com.attacker.example/index.m3u8")).toEqual([]);
  });

  it("is open if its website serves the entry, although its API refuses it", async () => {
    const asset = { ...far, origin: { type: "http", url: "https://films.s3.eu-central-1.amazonaws.com/far/" } };
    const parsed = parseCatalog({ version: 1, assets: [asset] });
    if (!parsed.ok) throw new Error("the catalog is faulty");
    const open: Override = (url) =>
      url.host.includes("s3-website-") ? text("#EXTM3U") : new Response("", { status: 403 });
    expect(await reported(open, { catalog: parsed.value })).toContainEqual(
      expect.stringMatching(/^fault origin_open: .* at films\.s3-website-eu-central-1\.amazonaws\.com/),
    );
  });
});
