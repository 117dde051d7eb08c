import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, json, projectFolder, type Run, runFile, secretsIn, stagedoor } from "../cli/command-line.ts";

const offline = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_LOG: "log" };

function deploy(...words: readonly string[]): Promise<Run> {
  const file = join(projectFolder, "cli/deploy/deploy.ts");
  return runFile(process.execPath, [file, ...words], projectFolder, { ...process.env, ...offline });
}

function secretsFile(document: unknown, mode = 0o600): string {
  const file = join(folder(), "secrets.json");
  writeFileSync(file, JSON.stringify(document));
  chmodSync(file, mode);
  return file;
}

describe("npm run deploy", () => {
  it("builds all four workers in a dry run, prints each command, and shows no secret", async () => {
    const ring = join(folder(), "keys.json");
    await stagedoor("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring);
    const secrets = secretsFile({ identity: { STAGEDOOR_IDENTITY_SECRET: "kept-from-others-kept-from-others" } });
    const { exit, stdout, stderr } = await deploy(
      "--env",
      "production",
      "--ring",
      ring,
      "--secrets",
      secrets,
      "--dry-run",
    );
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: "Done. Nothing was uploaded." });
    expect(stderr).not.toMatch(/\[(?:ERROR|WARNING)\]/);
    expect(stderr.match(/^\$ npx wrangler .*/gm)).toEqual([
      "$ npx wrangler deploy --dry-run --env production -c workers/manifest/wrangler.toml",
      "$ npx wrangler deploy --dry-run --env production -c wrangler.toml",
      "$ npx wrangler d1 migrations apply DB --remote --env production -c workers/identity/wrangler.toml",
      "$ npx wrangler deploy --dry-run --env production -c workers/identity/wrangler.toml",
      "$ npx wrangler deploy --dry-run --env production -c workers/api/wrangler.toml",
    ]);
    expect(stderr.match(/exiting now/g)).toHaveLength(4);
    for (const secret of [...secretsIn(ring), "kept-from-others"]) expect(stderr).not.toContain(secret);
  });

  it("uploads nothing while there are placeholders, and names each", async () => {
    const { exit, stdout, stderr } = await deploy("--env", "staging");
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: "" });
    expect(stderr).toMatch(/^ {2}wrangler\.toml:\d+ {2}fill-in-staging-kv-id$/m);
    expect(stderr).toMatch(/^ {2}workers\/identity\/wrangler\.toml:\d+ {2}fill-in-staging-d1-id$/m);
    expect(stderr).toMatch(/^ {2}workers\/api\/wrangler\.toml:\d+ {2}api\.staging\.example\.com$/m);
    expect(stderr).not.toContain("production");
  });

  it.each([[[]], [["--env", "live"]], [["--env", "staging", "--force"]], [["staging"]]])(
    "refuses %j",
    async (words) => {
      const { exit, stdout } = await deploy(...words);
      expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
    },
  );

  it("refuses a secrets file that others can read", async () => {
    const file = secretsFile({ edge: { ORIGIN_SECRET: "kept from others" } }, 0o644);
    const { exit, stderr } = await deploy("--env", "staging", "--secrets", file, "--dry-run");
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: expect.stringContaining("chmod 600") });
  });

  it.each([
    ["an unknown worker", { players: {} }, "has another member"],
    ["keys, which belong in the ring", { edge: { STAGEDOOR_KEYS: "kept from others" } }, "--ring"],
    [
      "issuers, which have a file of their own",
      { api: { STAGEDOOR_ISSUERS: [{ clientSecret: "kept from others" }] } },
      "--issuers",
    ],
    ["an array", ["kept from others"], "not a JSON object"],
  ])("refuses a secrets file with %s, and quotes nothing of it", async (_, document, message) => {
    const { exit, stderr } = await deploy("--env", "staging", "--secrets", secretsFile(document), "--dry-run");
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: expect.stringContaining(message) });
    expect(stderr).not.toContain("kept from others");
  });

  it("reports an invalid ring as the other commands do", async () => {
    const file = secretsFile({ keys: [{}] });
    const { stderr } = await deploy("--env", "staging", "--ring", file, "--dry-run");
    const { error } = await json("keys", "list", "--ring", file);
    expect(stderr).toBe(error);
  });
});
