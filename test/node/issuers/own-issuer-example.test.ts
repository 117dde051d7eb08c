import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { folder, json, projectFolder, stagedoor } from "../cli/command-line.ts";

const program = join(projectFolder, "examples/own-jwt-issuer/issuer.mjs");
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill();
});

/** Starts the example on a free port, and returns its issuer. */
async function startIssuer(environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const env = { ...process.env, PORT: "0", DEMO_PASSWORD: "secret", ...environment };
  const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  let output = "";
  for await (const chunk of child.stdout) {
    output += String(chunk);
    const [, issuer] = /^Issuer +(\S+)$/m.exec(output) ?? [];
    if (issuer !== undefined) return issuer;
  }
  throw new Error("the example ended");
}

async function tokenOf(issuer: string, name: string, password = "secret") {
  const headers = { Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}` };
  const response = await fetch(`${issuer}/token`, { method: "POST", headers });
  return { status: response.status, text: await response.text() };
}

/** Adds the example to an issuers file as its README does. */
async function addedBy(issuer: string): Promise<string> {
  const file = join(folder(), "issuers.json");
  const words = ["--discovery", issuer, "--audience", "stagedoor", "--file", file];
  expect(await json("issuers", "add", ...words)).toMatchObject({ exit: 0, written: true });
  return file;
}

describe("the example of an own issuer", () => {
  it("issues tokens that a start accepts, for the assets of each viewer", async () => {
    const issuer = await startIssuer();
    const file = await addedBy(issuer);
    const start = async (name: string, asset: string) =>
      json("token", "--inspect", (await tokenOf(issuer, name)).text, "--issuers", file, "--asset", asset);
    expect(await start("ann", "vod-aes")).toMatchObject({ verdict: "accepted", status: 201 });
    expect(await start("bob", "vod-ts")).toMatchObject({ verdict: "accepted", status: 201 });
    expect(await start("bob", "vod-aes")).toMatchObject({ verdict: "refused", code: "asset_forbidden" });
    const checked = await stagedoor("issuers", "check", "--file", file);
    expect([checked.exit, checked.stdout]).toEqual([0, `ok  ${issuer}  ${issuer}/jwks.json`]);
  });

  it("gives no token for a wrong password, an unknown viewer or no credentials", async () => {
    const issuer = await startIssuer();
    expect(await tokenOf(issuer, "ann", "secrets")).toMatchObject({ status: 401 });
    expect(await tokenOf(issuer, "eve")).toMatchObject({ status: 401 });
    expect((await fetch(`${issuer}/token`, { method: "POST" })).status).toBe(401);
    expect((await fetch(`${issuer}/token`)).status).toBe(404);
  });

  it("publishes only the public half of its key, and keeps a key that it gets", async () => {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = await exportJWK(privateKey);
    const ISSUER_KEY = JSON.stringify(jwk);
    const sets = await Promise.all(
      [1, 2].map(async () => (await fetch(`${await startIssuer({ ISSUER_KEY })}/jwks.json`)).text()),
    );
    expect(sets[0]).toBe(sets[1]);
    expect(sets[0]).not.toContain(jwk.d);
    expect(Object.keys(JSON.parse(sets[0] ?? "").keys[0])).not.toContain("d");
  });

  it("prints a key with the command of its README, which it can use", async () => {
    const [, script = ""] =
      /`node -e '(.+)'`/.exec(readFileSync(join(projectFolder, "examples/own-jwt-issuer/README.md"), "utf8")) ?? [];
    const child = spawn(process.execPath, ["-e", script]);
    let key = "";
    for await (const chunk of child.stdout) key += String(chunk);
    const issuer = await startIssuer({ ISSUER_KEY: key });
    expect((await tokenOf(issuer, "ann")).text).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it("is accepted with a token of its own, which tells what it would open", async () => {
    const issuer = await startIssuer();
    const place = folder();
    const token = join(place, "viewer.jwt");
    writeFileSync(token, (await tokenOf(issuer, "bob")).text);
    const words = ["--discovery", issuer, "--audience", "stagedoor", "--token", token, "--dry-run"];
    const { exit, stdout } = await stagedoor("issuers", "add", ...words, "--file", join(place, "issuers.json"));
    expect([exit, stdout]).toEqual([
      0,
      expect.stringContaining('Accepted: starting "vod-ts" with the scopes "stream:play"'),
    ]);
  });
});
