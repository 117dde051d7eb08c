import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readStartOptions } from "../../../cli/local/start-options.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function optionsOf(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const read = readStartOptions(args, environment);
  if (!read.ok || read.value === "help") throw new Error(read.ok ? "help" : read.refusal);
  return read.value;
}

function refusalOf(args: readonly string[], environment: Readonly<Record<string, string>> = {}): string {
  const read = readStartOptions(args, environment);
  return read.ok ? "no refusal" : read.refusal;
}

const issuers = file("issuers.json", '[{"issuer": "https://login.example"}]');
const catalog = file("catalog.json", '{"version": 1, "assets": [{"id": "film"}]}');
const secretBinding = JSON.stringify({ FILMS: { use: "header", header: "X-Films", hosts: ["films.example"] } });

describe("the options of npm start", () => {
  it("have default ports, and no files", () => {
    expect(optionsOf([])).toEqual({
      port: 8787,
      mediaPort: 8788,
      livePort: 8789,
      cdnPort: 8791,
      state: undefined,
      settings: {},
      issuers: [],
      assets: [],
      secrets: {},
      notes: [],
    });
  });

  it("pass on every setting in the environment, and nothing else", () => {
    const environment = {
      STAGEDOOR_SESSION_TTL: "60",
      STAGEDOOR_TYPO: "1",
      STAGEDOOR_CHROME: "chromium",
      HOME: "/root",
    };
    expect(optionsOf([], environment).settings).toEqual({ STAGEDOOR_SESSION_TTL: "60", STAGEDOOR_TYPO: "1" });
  });

  it("say which settings have no effect here, and why", () => {
    const { settings, notes } = optionsOf([], { STAGEDOOR_KEYS: "{}", STAGEDOOR_MEDIA_URL: "https://media.example" });
    expect(settings).toEqual({});
    expect(notes).toEqual([
      "STAGEDOOR_KEYS of the environment is not used: development keys are made in .stagedoor/keys.json.",
      "STAGEDOOR_MEDIA_URL of the environment is not used: --media-port sets it.",
    ]);
  });

  it("take issuers from a file or from the environment, but not from both", () => {
    expect(optionsOf(["--issuers", issuers]).issuers).toEqual([{ issuer: "https://login.example" }]);
    expect(optionsOf([], { STAGEDOOR_ISSUERS: '[{"issuer":"a"}]' }).issuers).toEqual([{ issuer: "a" }]);
    expect(refusalOf(["--issuers", issuers], { STAGEDOOR_ISSUERS: "[]" })).toBe(
      "Give one of --issuers and STAGEDOOR_ISSUERS: both are set.",
    );
  });

  it("take a catalog and the URL of the entitlement service", () => {
    const options = optionsOf(["--catalog", catalog, "--entitlement-url", "http://localhost:9000/decide"]);
    expect(options.assets).toEqual([{ id: "film" }]);
    expect(options.settings).toEqual({ STAGEDOOR_ENTITLEMENT_URL: "http://localhost:9000/decide" });
  });

  it("read secrets from a file or from the environment, if a setting says where they may be sent", () => {
    const settings = { STAGEDOOR_ORIGIN_SECRETS: secretBinding };
    expect(optionsOf(["--secrets", file("secrets", "FILMS=sesame\n")], settings).secrets).toEqual({ FILMS: "sesame" });
    expect(optionsOf([], { ...settings, FILMS: "sesame" }).secrets).toEqual({ FILMS: "sesame" });
  });

  it.each([
    [
      "a secret without a binding",
      ["--secrets", file("unbound", "FILMS=sesame\n")],
      {},
      /^.*: FILMS would be sent nowhere/,
    ],
    [
      "a bound secret without a value",
      [],
      { STAGEDOOR_ORIGIN_SECRETS: secretBinding },
      /FILMS, which has no value.*--secrets/,
    ],
    [
      "a setting among the secrets",
      ["--secrets", file("mixed", "STAGEDOOR_KEYS=1\n")],
      {},
      /STAGEDOOR_KEYS is a setting/,
    ],
    [
      "issuers that are not JSON",
      ["--issuers", file("bad.json", "[{]")],
      {},
      /bad\.json must be a JSON list of issuers/,
    ],
    [
      "a catalog without assets",
      ["--catalog", file("list.json", "[]")],
      {},
      /list\.json must be a catalog: \{"version": 1/,
    ],
    [
      "a catalog of another version",
      ["--catalog", file("version.json", '{"version": 9, "assets": []}')],
      {},
      /version\.json must be a catalog.* Its version must be 1\.$/,
    ],
    [
      "a catalog with an unknown member",
      ["--catalog", file("asets.json", '{"version": 1, "asets": 1, "assets": []}')],
      {},
      /asets\.json must be a catalog.* It has another member, "asets"\.$/,
    ],
    [
      "a file that does not exist",
      ["--catalog", "missing.json"],
      {},
      "--catalog missing.json: there is no such file or folder.",
    ],
    ["a port that is not one", ["--port", "80a"], {}, '--port must be a port number from 1 to 65535, not "80a".'],
    ["one port for two servers", ["--port", "8788"], {}, /must be four different ports/],
    [
      "an unknown option, with the usage",
      ["--isuers", issuers],
      {},
      /Unknown option '--isuers'[\s\S]*--issuers <file>/,
    ],
  ] as const)("refuse %s", (_, args, environment, message) => {
    expect(refusalOf(args, environment)).toEqual(
      typeof message === "string" ? message : expect.stringMatching(message),
    );
  });

  it("never quote a secret in a message", () => {
    expect(refusalOf(["--secrets", file("unbound", "FILMS=sesame\n")])).not.toContain("sesame");
  });

  it.each(["c2VzYW1l", "c2VzYW1l=", "c2VzYW1lcw==", "JBSWY3DPEE======", "sesame street=1"])(
    "do not repeat a file that is only a secret: %s",
    (secret) => {
      const refusal = refusalOf(["--secrets", file("only", `${secret}\n`)]);
      expect(refusal).toMatch(/it has (a|no) line with.* Write a line NAME=value for each secret/);
      expect(refusal).not.toContain(secret.replaceAll("=", ""));
    },
  );
});
