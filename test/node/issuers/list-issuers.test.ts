import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { folder, json, stagedoor } from "../cli/command-line.ts";
import { origin, publicKeyOf, recordedProvider, responsesOf, stubProvider } from "./recorded-provider.ts";

let file: string;

beforeEach(async () => {
  file = join(folder(), "issuers.json");
  const { pair, metadata } = await recordedProvider();
  stubProvider(responsesOf(metadata, [publicKeyOf(pair)]));
});
afterEach(() => void vi.unstubAllGlobals());

const entry = { issuer: origin, audience: "stagedoor", algorithms: ["RS256"], jwksUri: `${origin}/jwks` };
const secret = "c2VjcmV0".repeat(6);

function write(...entries: readonly object[]): void {
  writeFileSync(file, JSON.stringify(entries));
}

describe("issuers list", () => {
  it("shows each issuer, and no secret", async () => {
    const own = {
      issuer: "own",
      audience: ["a", "b"],
      algorithms: ["HS256"],
      jwks: { keys: [{ kty: "oct", k: secret }] },
    };
    const introspection = { url: "https://login.example/introspect", clientId: "stagedoor", clientSecret: secret };
    const opaque = { issuer: "https://login.example", audience: "api", audienceClaim: "client_id", introspection };
    write(entry, own, opaque);
    const { exit, stdout } = await stagedoor("issuers", "list", "--file", file);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^https:\/\/id\.example +aud stagedoor +RS256 +https:\/\/id\.example\/jwks$/m);
    expect(stdout).toMatch(/^own +aud a or b +HS256 +1 in the file$/m);
    expect(stdout).toMatch(/client_id api +- +asked at https:\/\/login\.example\/introspect$/m);
    expect(stdout + JSON.stringify(await json("issuers", "list", "--file", file))).not.toContain(secret);
  });
});

describe("issuers check", () => {
  it("passes if the provider has a key for exactly the entry's algorithms", async () => {
    write(entry);
    expect(await json("issuers", "check", "--file", file)).toMatchObject({ exit: 0, issuers: [{ faults: [] }] });
  });

  it.each([
    [{ algorithms: ["RS256", "ES256"] }, "algorithms has ES256, for which https://id.example/jwks has no key"],
    [{ algorithms: ["PS256"] }, "algorithms is without RS256"],
    [{ jwksUri: `${origin}/gone` }, "https://id.example/gone answered 404"],
  ])("fails for %j, and says what to do", async (changes, fault) => {
    write({ ...entry, ...changes });
    const { exit, stdout, stderr } = await stagedoor("issuers", "check", "--file", file);
    expect([exit, stdout]).toEqual([1, expect.stringContaining(fault)]);
    expect(stderr).toContain("--replace");
  });
});
