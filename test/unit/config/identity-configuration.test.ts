import { describe, expect, it } from "vitest";
import { readConfiguration } from "../../../src/config/configuration.ts";
import { identitySettingsSchema, readIdentityConfiguration } from "../../../src/config/identity-configuration.ts";

const valid = {
  STAGEDOOR_API_URL: "https://api.example.com",
  STAGEDOOR_IDENTITY_SECRET: "s".repeat(32),
};

const faultsOf = (changes: Record<string, unknown>) => {
  const read = readIdentityConfiguration({ ...valid, ...changes });
  return read.ok ? [] : read.refusal;
};

describe("the identity worker's settings", () => {
  it("require a URL and a secret, and have defaults for the rest", () => {
    const read = readIdentityConfiguration(valid);
    expect(read).toMatchObject({
      ok: true,
      value: {
        ...{ apiUrl: valid.STAGEDOOR_API_URL, idle: 604_800, accessTtl: 900, refreshTtl: 2_592_000, refreshGrace: 10 },
        ...{ bearerSignature: "required", clients: [], assets: "", signUp: "closed", origins: [], development: false },
      },
    });
  });

  it("report every fault at once", () => {
    const read = readIdentityConfiguration({
      STAGEDOOR_IDENTITY_SECRET: "short",
      STAGEDOOR_IDENTITY_IDLE: "a week",
      STAGEDOOR_IDENTITY_ASSETS: "No/Asset",
      STAGEDOOR_IDENTITY_IDEL: "5",
    });
    const names = read.ok ? [] : read.refusal.map((fault) => fault.split(":")[0]);
    expect(names.toSorted()).toEqual([
      "STAGEDOOR_API_URL",
      "STAGEDOOR_IDENTITY_ASSETS",
      "STAGEDOOR_IDENTITY_IDEL",
      "STAGEDOOR_IDENTITY_IDLE",
      "STAGEDOOR_IDENTITY_SECRET",
    ]);
  });

  it("never quote a value in a fault", () => {
    expect(faultsOf({ STAGEDOOR_IDENTITY_SECRET: "geheim" }).join()).not.toContain("geheim");
  });

  it("require https outside development", () => {
    const http = { STAGEDOOR_API_URL: "http://localhost:8787" };
    expect(faultsOf(http)).toEqual([
      "STAGEDOOR_API_URL: use https; http is only accepted with STAGEDOOR_ENV=development",
    ]);
    expect(faultsOf({ ...http, STAGEDOOR_ENV: "development" })).toEqual([]);
  });

  it("keep sign-up closed and give new users no assets by default, in every environment", () => {
    const read = (changes: object) => readIdentityConfiguration({ ...valid, ...changes });
    for (const env of ["development", "staging", "production", undefined])
      expect(read({ ...(env && { STAGEDOOR_ENV: env }) })).toMatchObject({ value: { signUp: "closed", assets: "" } });
    const open = { STAGEDOOR_IDENTITY_SIGN_UP: "open", STAGEDOOR_IDENTITY_ASSETS: "film-1 film-2" };
    expect(read(open)).toMatchObject({ value: { signUp: "open", assets: "film-1 film-2" } });
    for (const value of ["", "Open", "true", "*"])
      expect(faultsOf({ STAGEDOOR_IDENTITY_SIGN_UP: value }).join(), value).toContain("STAGEDOOR_IDENTITY_SIGN_UP");
  });

  it("refuse two clients with the same id", () => {
    const app = { clientId: "app", redirectUris: ["https://app.example.com/callback"] };
    expect(faultsOf({ STAGEDOOR_IDENTITY_CLIENTS: JSON.stringify([app]) })).toEqual([]);
    expect(faultsOf({ STAGEDOOR_IDENTITY_CLIENTS: JSON.stringify([app, app]) })).toHaveLength(1);
  });

  it("are allowed in the environment of the other workers, and theirs in its own", () => {
    const otherWorkers = readConfiguration(
      Object.fromEntries(Object.keys(identitySettingsSchema.shape).map((name) => [name, "5"])),
    );
    expect(otherWorkers.ok ? [] : otherWorkers.refusal.filter((fault) => fault.includes("IDENTITY"))).toEqual([]);
    expect(faultsOf({ STAGEDOOR_KEYS: "{}", STAGEDOOR_MEDIA_URL: "https://media.example.com" })).toEqual([]);
  });

  it.each([
    ["https://app.example.com/callback", true],
    ["http://127.0.0.1:8790/callback", true],
    ["com.example.app:/callback", true],
    ["http://app.example.com/callback", false],
    ["https://app.example.com/callback#part", false],
    ["https://user@app.example.com/callback", false],
    ["javascript:alert(1)", false],
    ["app:/callback", false],
    ["/callback", false],
  ])("accept %s as a redirect URI: %s", (uri, accepted) => {
    const clients = JSON.stringify([{ clientId: "app", redirectUris: [uri] }]);
    expect(faultsOf({ STAGEDOOR_IDENTITY_CLIENTS: clients })).toHaveLength(accepted ? 0 : 1);
  });
});
