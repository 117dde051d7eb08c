import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Pair } from "../../unit/auth/tokens.ts";
import { rawToken, token as signed } from "../../unit/auth/tokens.ts";
import { folder, json, stagedoor } from "../cli/command-line.ts";
import { origin, publicKeyOf, recordedProvider, responsesOf, stubProvider } from "./recorded-provider.ts";

let file: string;
let pair: Pair;
let requests: string[];

beforeEach(async () => {
  file = join(folder(), "issuers.json");
  const provider = await recordedProvider();
  pair = provider.pair;
  requests = stubProvider(provider.responses);
});
afterEach(() => void vi.unstubAllGlobals());

const add = (...words: readonly string[]) =>
  stagedoor("issuers", "add", "--discovery", origin, "--file", file, ...words);
const addJson = (...words: readonly string[]) =>
  json("issuers", "add", "--discovery", origin, "--file", file, ...words);
const written = (): unknown => JSON.parse(readFileSync(file, "utf8"));
const now = () => Math.floor(Date.now() / 1000);
const token = (claims: Readonly<Record<string, unknown>> = {}, header = {}) =>
  signed(pair, { iss: origin, aud: "stagedoor", assets: "*", exp: now() + 600, ...claims }, header);

const entry = { issuer: origin, audience: "stagedoor", algorithms: ["RS256"], jwksUri: `${origin}/jwks` };

describe("issuers add", () => {
  it("writes the entry of a provider, without none and shared secrets, for its owner only", async () => {
    const { exit, stdout } = await add("--audience", "stagedoor");
    expect([exit, written()]).toEqual([0, [entry]]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stdout).toContain(`npm start -- --issuers ${file}`);
    expect(requests).toEqual([`${origin}/.well-known/openid-configuration`, `${origin}/jwks`]);
  });

  it("adds every member that an option names", async () => {
    const options = [
      ...["--audience", "a", "--audience", "b", "--audience-claim", "azp", "--subject-claim", "oid"],
      ...["--scope-claim", '["realm_access", "roles"]', "--map-scope", "https://x.example/?a=stream:play"],
      ...["--map-scope", "gold=stream:gold", "--assets-claim", "films", "--assets-default", "all"],
      ...["--streams-claim", "screens", "--login-claim", "origin_jti", "--typ", "at+jwt"],
    ];
    expect((await add(...options)).exit).toBe(0);
    const expected = {
      ...entry,
      audience: ["a", "b"],
      audienceClaim: "azp",
      subjectClaim: "oid",
      scopeClaim: ["realm_access", "roles"],
      scopes: { "https://x.example/?a": "stream:play", gold: "stream:gold" },
      assetsClaim: "films",
      assetsDefault: "all",
      streamsClaim: "screens",
      loginClaim: "origin_jti",
      typ: "at+jwt",
    };
    expect(written()).toEqual([expected]);
  });

  it("writes nothing without an audience, with --dry-run, or if the provider does not answer", async () => {
    const missing = await add();
    expect([missing.exit, missing.stderr]).toEqual([
      1,
      expect.stringContaining("--audience is missing, so nothing was written"),
    ]);
    expect(missing.stdout).toContain('"algorithms": [');
    const dry = await addJson("--audience", "stagedoor", "--dry-run");
    expect(dry).toMatchObject({ exit: 0, written: false, entry });
    stubProvider({});
    const silent = await add("--audience", "stagedoor");
    expect([silent.exit, silent.stderr]).toEqual([1, expect.stringContaining("answered 404")]);
    expect(existsSync(file)).toBe(false);
  });

  it("keeps other entries, and replaces one of the same issuer only with --replace", async () => {
    const other = {
      issuer: "https://other.example",
      audience: "api",
      algorithms: ["RS256"],
      jwksUri: "https://other.example/jwks",
    };
    writeFileSync(file, JSON.stringify([other]));
    await add("--audience", "stagedoor");
    expect(written()).toEqual([other, entry]);
    const before = readFileSync(file, "utf8");
    expect(await addJson("--audience", "stagedoor")).toMatchObject({ exit: 0, written: false });
    const refused = await add("--audience", "tv");
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining("add --replace to replace it")]);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect((await add("--audience", "tv", "--replace")).exit).toBe(0);
    expect(written()).toEqual([other, { ...entry, audience: "tv" }]);
  });

  it("leaves a file as it is that is no list of issuers", async () => {
    writeFileSync(file, '{"issuer": "MARKED"}');
    const { exit, stderr } = await add("--audience", "stagedoor");
    expect([exit, readFileSync(file, "utf8")]).toEqual([1, '{"issuer": "MARKED"}']);
    expect(stderr).toContain("put it in a list");
    expect(stderr).not.toContain("MARKED");
  });

  it.each([
    [["--discovery", "id.example"], "Did you mean --discovery https://id.example?"],
    [["--discovery", "http://id.example"], 'https, or http on localhost; not "http://id.example"'],
    [["--discovery", "https://ann:secret@id.example"], "not a URL with a user name"],
    [[], "--discovery is missing"],
    [["--discovery", origin, "--map-scope", "viewer"], "--map-scope must be <the provider's scope>=<the scope here>"],
    [["--discovery", origin, "--assets-default", "some"], '--assets-default must be none or all, not "some"'],
    [["--discovery", origin, "--scope-claim", "[a"], "--scope-claim must be a claim's name or a JSON list"],
    [["--discovery", origin, "--token", "./no-such.jwt"], "--token must be a token, a file with one"],
  ])("exits with 2 for %j", async (words, message) => {
    const { exit, stderr } = await stagedoor("issuers", "add", ...words);
    expect(stderr).toContain(message);
    expect([exit, stderr.includes("secret")]).toEqual([2, false]);
  });
});

describe("issuers add with a token", () => {
  it("shows what the token would open, and writes the entry", async () => {
    const text = await token({ assets: ["film"] });
    const { exit, stdout, stderr } = await add("--audience", "stagedoor", "--token", text);
    expect([exit, written()]).toEqual([0, [entry]]);
    expect(stdout).toContain('Accepted: starting "film" with the scopes "openid", "stream:play"');
    for (const part of text.split(".")) expect(stdout + stderr).not.toContain(part);
  });

  it.each<[string, object, readonly string[], string]>([
    ["another audience", { aud: "shop" }, [], 'aud: the token has "shop", and --audience is "stagedoor".'],
    [
      "no audience, and its client",
      { aud: undefined, client_id: "app-1" },
      [],
      "--audience-claim client_id --audience app-1.",
    ],
    [
      "an aud in addition to another claim",
      { azp: "stagedoor", aud: "shop" },
      ["--audience-claim", "azp"],
      "add --audience shop.",
    ],
    [
      "another issuer",
      { iss: "https://id.example/" },
      [],
      'iss: the token has "https://id.example/", and the metadata has "https://id.example".',
    ],
    ["no scope", { scope: undefined }, [], "scope: the token has none, and a start needs the scope stream:play."],
    [
      "the scope elsewhere",
      { scope: "openid", permissions: ["stream:play"] },
      [],
      "It is in permissions: --scope-claim permissions.",
    ],
    ["another scope", { scope: "openid watch" }, [], "use --map-scope watch=stream:play."],
    [
      "a role",
      { scope: "openid", realm_access: { roles: ["viewer"] } },
      [],
      `use --scope-claim '["realm_access","roles"]' --map-scope viewer=stream:play.`,
    ],
    ["no assets", { assets: undefined }, [], "use --assets-default all"],
    ["no subject", { sub: undefined, oid: "ann" }, [], "Use --subject-claim oid."],
  ])("names what is missing in one with %s, and writes nothing", async (_, claims, options, advice) => {
    const { exit, stdout, stderr } = await add(
      "--audience",
      "stagedoor",
      ...options,
      "--token",
      await token({ ...claims }),
    );
    expect(stdout).toContain(advice);
    expect([exit, stderr]).toEqual([1, expect.stringContaining("nothing was written")]);
    expect(existsSync(file)).toBe(false);
  });

  it("names the audiences of the token if --audience is missing, and does not choose one", async () => {
    const { exit, stdout, stderr } = await add("--token", await token({ aud: ["stagedoor", "account"] }));
    expect([exit, stderr]).toEqual([1, expect.stringContaining("--audience is missing, so nothing was written")]);
    expect(stdout).toContain("Choose the one that is this service's: --audience stagedoor.");
    expect(existsSync(file)).toBe(false);
  });

  it("checks an expired token as of its last second, because some expire after a minute", async () => {
    const expired = await token({ exp: now() - 3600, iat: now() - 3660 });
    const { exit, stdout } = await add("--audience", "stagedoor", "--token", expired);
    expect([exit, stdout]).toEqual([
      0,
      expect.stringContaining("It has expired; it is checked as of its last second."),
    ]);
  });

  it.each<[string, object]>([
    ["a shared secret", { alg: "HS256" }],
    ["no signature", { alg: "none" }],
  ])("refuses one with %s", async (_, header) => {
    const claims = { iss: origin, aud: "stagedoor", sub: "ann", scope: "stream:play", assets: "*", exp: now() + 600 };
    const { exit, stdout } = await add(
      "--audience",
      "stagedoor",
      "--token",
      rawToken(header, claims, new Uint8Array(32)),
    );
    expect([exit, existsSync(file)]).toEqual([1, false]);
    expect(stdout).toContain("and the provider's keys are for RS256.");
  });

  it("refuses one that another key signed", async () => {
    const { metadata } = await recordedProvider();
    const text = await token();
    stubProvider(responsesOf(metadata, [{ ...publicKeyOf(pair), kid: "another" }]));
    const { exit, stdout } = await add("--audience", "stagedoor", "--token", text);
    expect([exit, existsSync(file)]).toEqual([1, false]);
    expect(stdout).toContain("Refused: token_invalid");
  });

  it("says of an opaque token where its issuer must be asked", async () => {
    const { metadata, pair: known } = await recordedProvider({ introspection_endpoint: `${origin}/introspect` });
    stubProvider(responsesOf(metadata, [publicKeyOf(known)]));
    const { exit, stderr } = await add("--audience", "stagedoor", "--token", "opq_c2F5cw");
    expect([exit, stderr]).toEqual([1, expect.stringContaining(`the url ${origin}/introspect`)]);
    expect(stderr).not.toContain("opq_");
  });
});
