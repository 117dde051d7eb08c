import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot } from "../../../cli/lib/project.ts";
import { nodeDeployment } from "../../cluster/node-deployment.ts";
import { runFile } from "./command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-nginx-config-"));
const out = join(folder, "edge");
const config = {
  ...nodeDeployment,
  host: { type: "node", placeHeaders: { country: "X-Client-Country", asn: "X-Client-ASN" } },
  origins: {
    films: { type: "file", folder: "films" },
    inside: { type: "http", url: "http://127.0.0.1:9000/" },
  },
  assets: [{ id: "film", origin: "films", entries: { hls: "index.m3u8" } }],
};

function run(...words: readonly string[]) {
  return runFile(process.execPath, [join(projectRoot, "cli/stagedoor.ts"), ...words], folder, process.env);
}

const text = (file: string) => readFileSync(join(out, file), "utf8");

beforeAll(async () => {
  mkdirSync(join(folder, "films"));
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify(config));
  const made = await run("keys", "new", "--purpose", "session", "--ring", "keys-production.json");
  expect(made.exit).toBe(0);
  const written = await run(
    ...["nginx", "--out", out, "--env", "production", "--listen", "443", "--cache", "kept", "--user", "media"],
    ...["--certificate", "a.pem", "--certificate-key", "a.key"],
  );
  expect(written).toMatchObject({ exit: 0 });
  expect(written.stderr).toContain("origins.inside (127.0.0.1:9000) has a private address");
});

afterAll(() => rmSync(folder, { recursive: true }));

describe("the configuration of nginx", () => {
  it("uses an answer about an admission until the second of its question is over, as nginx counts only whole seconds", () => {
    expect(text("stagedoor-server.conf")).toContain('proxy_cache_key "$stagedoor_session $remote_addr $time_iso8601";');
  });

  it("keeps answers about admissions in memory, apart from the files that fill a disk", () => {
    expect(text("stagedoor-http.conf")).toContain('proxy_cache_path "/run/stagedoor-admissions" ');
    expect(text("stagedoor-http.conf")).toContain(`proxy_cache_path "${join(folder, "kept")}/files" `);
    expect(text("stagedoor-http.conf")).toContain("min_free=256m");
  });

  it("asks no HTTP origin with a private address that host.privateOrigins does not list", () => {
    expect(text("stagedoor-http.conf")).not.toContain("127.0.0.1:9000");
  });

  it("writes no request lines to a disk", () => {
    expect(text("nginx.conf")).toContain("error_log stderr warn;");
  });

  it("stays the same when a later run names only the folder, because the options are written down", async () => {
    const files = ["nginx.conf", "stagedoor-http.conf", "stagedoor-server.conf"];
    const before = files.map(text);
    const again = await run("nginx", "--out", out);
    expect(again).toMatchObject({ exit: 0 });
    expect(again.stderr).toContain(
      "As in the last run: --env, --listen, --certificate, --certificate-key, --cache, --user.",
    );
    expect(files.map(text)).toEqual(before);
    expect(before[0]).toContain("listen 443 ssl");
    expect(existsSync(join(out, "stagedoor-options.json"))).toBe(true);
  });

  it("forgets an option that is empty", async () => {
    expect(await run("nginx", "--out", out, "--user", "")).toMatchObject({ exit: 0 });
    expect(text("nginx.conf")).not.toContain("user media;");
  });

  it("removes the headers of places, or sets each of them in a file of its own", async () => {
    const clears = [...text("stagedoor-server.conf").matchAll(/proxy_set_header (x-client-\w+) "";/g)].map(
      ([, name]) => name,
    );
    expect(clears).toEqual(["x-client-country", "x-client-asn", "x-client-country", "x-client-asn"]);
    const places = join(folder, "places.conf");
    writeFileSync(places, "proxy_set_header X-Client-Country $geoip2_country;\n# proxy_set_header X-Client-ASN 1;\n");
    const refused = await run("nginx", "--out", out, "--places", places);
    expect(refused).toMatchObject({ exit: 1 });
    expect(refused.stderr).toContain("sets no x-client-asn, so clients could choose it");
    writeFileSync(places, 'proxy_set_header X-Client-Country $geoip2_country;\nproxy_set_header X-Client-ASN "";\n');
    expect(await run("nginx", "--out", out, "--places", places)).toMatchObject({ exit: 0 });
    expect(text("stagedoor-server.conf").match(/include ".*places\.conf";/g)).toHaveLength(2);
    expect(text("stagedoor-server.conf")).not.toContain("x-client-");
    expect(await run("nginx", "--out", out, "--places", "")).toMatchObject({ exit: 0 });
  });

  it("replaces none of its files when one of them is foreign", async () => {
    const before = text("stagedoor-keys.js");
    const kept = text("nginx.conf");
    writeFileSync(join(out, "nginx.conf"), "events {}");
    const refused = await run("nginx", "--out", out, "--listen", "8443");
    expect(refused.stderr).toContain("nginx.conf was not written by this command");
    expect([text("stagedoor-keys.js"), text("nginx.conf")]).toEqual([before, "events {}"]);
    writeFileSync(join(out, "nginx.conf"), kept);
  });

  it("has the secret of each key, so that a question has the one of its session's key", async () => {
    expect(await run("keys", "new", "--purpose", "session", "--ring", "keys-production.json")).toMatchObject({
      exit: 0,
    });
    expect(await run("nginx", "--out", out)).toMatchObject({ exit: 0 });
    const module = text("stagedoor-keys.js");
    const { secrets, keys } = JSON.parse(module.slice(module.indexOf("{"), module.lastIndexOf("}") + 1));
    expect(Object.keys(secrets)).toEqual(keys.map(({ kid }: { kid: string }) => kid));
    expect(new Set(Object.values(secrets)).size).toBe(2);
  });
});
