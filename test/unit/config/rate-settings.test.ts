import { describe, expect, it } from "vitest";
import { readConfiguration } from "../../../src/config/configuration.ts";
import { sessionKey } from "../signing/session.ts";

const environment = {
  STAGEDOOR_KEYS: JSON.stringify({ keys: [sessionKey("2026-a", 1)] }),
  STAGEDOOR_MEDIA_URL: "https://media.example",
};

describe.each([
  ["STAGEDOOR_START_RATE", "startRate", "start-subject", 1000],
  ["STAGEDOOR_START_RATE_ADDRESS", "startRateAddress", "start-address", 10_000],
  ["STAGEDOOR_FILES_RATE", "filesRate", "files-subject", 10_000],
  ["STAGEDOOR_REFUSED_RATE_ADDRESS", "refusedRateAddress", "refused-address", 1000],
  ["STAGEDOOR_SIGN_IN_RATE", "signInRate", "sign-in-account", 100],
  ["STAGEDOOR_SIGN_IN_RATE_ADDRESS", "signInRateAddress", "sign-in-address", 1000],
  ["STAGEDOOR_TOKEN_RATE_ADDRESS", "tokenRateAddress", "token-address", 20_000],
])("the setting %s", (setting, field, name, quota) => {
  const read = (changes: object) => readConfiguration({ ...environment, ...changes });

  it("is a quota per hour, and 0 means no quota", () => {
    expect(read({})).toMatchObject({ value: { [field]: { name, quota, window: 3600 } } });
    expect(read({ [setting]: "7" })).toMatchObject({ value: { [field]: { name, quota: 7, window: 3600 } } });
    expect(read({ [setting]: "0" })).toMatchObject({ value: { [field]: undefined } });
  });
});
