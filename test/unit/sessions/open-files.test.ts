import { describe, expect, it } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { loginDigest, subjectHash, tokenHash } from "../../../src/sessions/identifiers.ts";
import type { OpenedFiles } from "../../../src/sessions/open-files.ts";
import { signOutLeftOut } from "../../../src/sessions/revocation.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { issuerName } from "../auth/tokens.ts";
import { client, grantIssuer, keyOf, now, preparedKeys } from "../signing/session.ts";
import { asset, codeOf, opened, sessionService } from "./session-service.ts";

const keys = await preparedKeys();
const assets = [
  asset("film", { files: ["poster.jpg", "thumbs/**/*.jpg", "downloads/*.mp4", "*.vtt"] }),
  asset("bound", { files: ["poster.jpg"], binding: { network: "exact" } }),
  asset("short", { files: ["poster.jpg"], session: 600, countries: { only: ["DE"] } }),
];
const service = (changes: Parameters<typeof sessionService>[0] = {}) => sessionService({ keys, assets, ...changes });
const body = { asset: "film", files: ["poster.jpg", { path: "downloads/film.mp4", download: "Mein Film.mp4" }] };
const ann = { sub: "ann", jti: "t-1", sid: "s-1" };
const catalog = (() => {
  const parsed = parseCatalog({ version: 1, assets });
  if (!parsed.ok) throw new Error("the test catalog is invalid");
  return parsed.value;
})();
const targetOf = ({ url }: OpenedFiles["files"][number]) => url.slice("https://media.example".length);
const grantIn = ({ files: [first] }: OpenedFiles) => (first === undefined ? "" : (targetOf(first).split("/")[1] ?? ""));
const verdicts = ({ files }: OpenedFiles) =>
  files.map((file) => checkMediaRequest(targetOf(file), { keys, catalog, grantIssuer, client, now }).verdict);

describe("POST /files", () => {
  it("answers URLs that the edge accepts, in the order of the request, under a grant for files", async () => {
    const answer = opened(await (await service()).files(body, ann));
    expect(verdicts(answer)).toEqual(["passed", "passed"]);
    expect(answer).toMatchObject({
      sessionId: expect.stringMatching(/^[\w-]{22}$/),
      expiresAt: "2026-11-18T12:06:40Z",
      files: [{ path: "poster.jpg", expiresAt: "2026-11-18T11:11:40Z" }, { path: "downloads/film.mp4" }],
    });
    const grant = opened(openGrant(grantIn(answer), keys, now));
    expect(grant).toMatchObject({ use: "files", prefix: "/film/", sessionId: answer.sessionId, expiresAt: now + 3600 });
    const key = keyOf(keys, "2026-a");
    expect([grant.token, grant.login]).toEqual([tokenHash(key, issuerName, "t-1"), loginDigest(issuerName, "s-1")]);
  });

  it("claims no lease: a viewer at the stream limit gets files, and files take no place", async () => {
    const limited = await service({ settings: { streamLimit: 1 } });
    opened(await limited.start({ asset: "film" }, ann));
    for (let i = 0; i < 5; i++) opened(await limited.files(body, ann));
    expect(codeOf(await limited.start({ asset: "film" }, ann))).toBe("stream_limit");
    expect(limited.events.filter((event) => event === "claim")).toHaveLength(2);
    expect(limited.counted.filter(({ event }) => event === "alive")).toHaveLength(1);
  });

  it("refuses a viewer whose sign-out a full revocation log left out", async () => {
    const full = await service();
    const context = full.context();
    const login = loginDigest(issuerName, "s-1");
    const streams = context.streams(subjectHash(keyOf(keys, "2026-a"), issuerName, "ann"));
    const until = unixSeconds(now + 604_800);
    await streams.endLogin({ login, now, until });
    // As long as the log has an entry of each sign-out, the viewer's object is not asked.
    opened(await full.files(body, ann));
    await context.log.append(
      [signOutLeftOut({ kind: "login", value: login, cause: "revoked", at: now, until })],
      "viewer",
    );
    expect(codeOf(await full.files(body, ann))).toBe("token_revoked");
    opened(await full.files(body, { ...ann, sid: "s-2" }));
    full.state.down = "streams";
    expect(codeOf(await full.files(body, { ...ann, sid: "s-2" }))).toBe("store_unavailable");
  });

  it("ends with a shorter session, key or availability", async () => {
    const { files } = await service();
    const answer = opened(await files({ asset: "short", files: ["poster.jpg"] }, ann, { country: "DE" }));
    expect(answer.expiresAt).toBe("2026-11-18T11:16:40Z");
  });

  it("makes the checks of a start", async () => {
    const { files, revoke } = await service();
    expect(codeOf(await files({ asset: "short", files: ["poster.jpg"] }, ann))).toBe("country_forbidden");
    expect(codeOf(await files(body, { ...ann, assets: ["other"] }))).toBe("asset_forbidden");
    expect(codeOf(await files(body, { ...ann, scope: "stream:other" }))).toBe("scope_insufficient");
    expect(codeOf(await files({ ...body, asset: "none" }, ann))).toBe("asset_unknown");
    expect(codeOf(await files(body, { ...ann, exp: now - 100 }))).toBe("token_expired");
    const nowhere = { client: { address: undefined, userAgentHash: () => "" } };
    expect(codeOf(await files({ asset: "bound", files: ["poster.jpg"] }, ann, nowhere))).toBe("address_unknown");
    opened(await revoke({ asset: "film" }));
    expect(codeOf(await files(body, ann))).toBe("asset_revoked");
  });

  it("has a rate of its own", async () => {
    const { files, start } = await service({
      settings: { filesRate: { name: "files-subject", quota: 2, window: seconds(3600) } },
    });
    expect([codeOf(await files(body, ann)), codeOf(await files(body, ann))]).toEqual(["ok", "ok"]);
    expect(codeOf(await files(body, ann))).toBe("rate_limited");
    expect(codeOf(await start({ asset: "film" }, ann))).toBe("ok");
    expect(codeOf(await files(body, { sub: "bob" }))).toBe("ok");
  });

  it.each(["index.m3u8", "keys/0.key", "360p/0.ts", "poster.png", "thumbs/index.m3u8/a.jpg", "Poster.jpg"])(
    "opens nothing if one path is not allowed: %s",
    async (path) => {
      const result = await (await service()).files({ asset: "film", files: ["poster.jpg", path] }, ann);
      expect(result).toMatchObject({
        refusal: { code: "file_forbidden", faults: ["files[1]: The asset's files do not include this path."] },
      });
    },
  );

  it.each([
    "/poster.jpg",
    "../poster.jpg",
    "thumbs/../poster.jpg",
    "thumbs/%2E%2E/poster.jpg",
    "thumbs/..%2Fposter.jpg",
    "thumbs//a.jpg",
    "poster.jpg?x=1",
    "poster.jpg#x",
    "index.m3u8;.jpg",
    "~/cG9zdGVyLmpwZz9hPTE.jpg",
    "thumbs/a\\b.jpg",
    "thumbs/ä.jpg",
    "poster.jpg\n",
    "",
    "https://evil.example/a.jpg",
    7,
    null,
    { path: "poster.jpg" },
    { path: "poster.jpg", download: "poster.exe" },
    { path: "poster.jpg", download: "../poster.jpg" },
  ])("refuses the path %j with what to send instead", async (path) => {
    const result = await (await service()).files({ asset: "film", files: [path] }, ann);
    expect(codeOf(result)).toMatch(/body_invalid|file_forbidden/);
    expect(JSON.stringify(result)).toContain("files[0]");
  });

  it("refuses an empty list, more than a hundred files and unknown members", async () => {
    const { files } = await service();
    for (const wrong of [
      { files: [] },
      { files: Array(101).fill("poster.jpg") },
      { files: undefined },
      { paths: ["a"] },
      { files: [{ path: "poster.jpg", download: "a.jpg", more: 1 }] },
    ])
      expect(codeOf(await files({ ...body, ...wrong }, ann))).toBe("body_invalid");
  });

  it("tells only viewers of the asset which files it has", async () => {
    const { files } = await service();
    const forbidden = { asset: "film", files: ["index.m3u8"] };
    expect(codeOf(await files(forbidden, { ...ann, assets: ["other"] }))).toBe("asset_forbidden");
  });
});
