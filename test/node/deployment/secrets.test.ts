import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { secretsFrom } from "../../../cli/deploy/secrets.ts";
import { folder, stagedoor } from "../cli/command-line.ts";

const issuers = [
  { issuer: "https://id.example.com", audience: "a", algorithms: ["RS256"], jwksUri: "https://id.example.com/j" },
];

function write(name: string, document: unknown): string {
  const file = join(folder(), name);
  writeFileSync(file, JSON.stringify(document));
  chmodSync(file, 0o600);
  return file;
}

describe("the secrets of a deployment", () => {
  it("are only those that each worker needs", async () => {
    const ring = join(folder(), "keys.json");
    await stagedoor("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring);
    await stagedoor("keys", "new", "--purpose", "cloudfront", "--type", "ec", "--kid", "c1", "--ring", ring);
    const secrets = write("secrets.json", {
      edge: { ORIGIN_SECRET: "o" },
      identity: { STAGEDOOR_IDENTITY_SECRET: "i" },
    });
    const byWorker = secretsFrom({ ring, issuers: write("issuers.json", issuers), secrets });
    expect(Object.keys(byWorker).toSorted()).toEqual(["api", "edge", "identity", "manifest"]);
    expect(byWorker.identity).toEqual({ STAGEDOOR_IDENTITY_SECRET: "i" });
    expect(JSON.parse(byWorker.api?.STAGEDOOR_ISSUERS ?? "")).toEqual(issuers);
    expect(Object.keys(byWorker.edge ?? {}).toSorted()).toEqual(["ORIGIN_SECRET", "STAGEDOOR_KEYS"]);
    const privateHalves = Object.entries(byWorker).map(([worker, { STAGEDOOR_KEYS = "" }]) => [
      worker,
      /"d":/.test(STAGEDOOR_KEYS),
    ]);
    expect(Object.fromEntries(privateHalves)).toEqual({ api: false, edge: false, identity: false, manifest: true });
  });

  it("are refused if other users can read the key ring", async () => {
    const ring = join(folder(), "keys.json");
    await stagedoor("keys", "new", "--purpose", "session", "--ring", ring);
    chmodSync(ring, 0o644);
    expect(() => secretsFrom({ ring, issuers: undefined, secrets: undefined })).toThrow(
      expect.objectContaining({ outcome: expect.objectContaining({ note: expect.stringMatching(/run chmod 600/) }) }),
    );
  });

  it("are empty without any files", () => {
    expect(secretsFrom({ ring: undefined, issuers: undefined, secrets: undefined })).toEqual({});
  });
});
