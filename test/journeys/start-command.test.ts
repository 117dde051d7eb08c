import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freePort } from "../../cli/lib/ports.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import { readConfiguration } from "../../src/config/configuration.ts";
import { freePorts, portOptions, runStart as start } from "../cluster/run-start.ts";
import { until } from "../cluster/viewer.ts";

function listen(port: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

describe("npm start", () => {
  it("prints addresses, a token and a curl command that works, and exits with 0 on Ctrl-C", async () => {
    const [port, livePort, cdnPort] = [await freePort(), await freePort(), await freePort()];
    // This setting needs the API's address, which `npm start` knows.
    const origins = { STAGEDOOR_ORIGINS: "https://www.example.com" };
    const run = start(await freePorts({ "--port": port, "--live-port": livePort, "--cdn-port": cdnPort }), origins);
    await until(run.output, (output) => output.includes("Ready after"));
    const [, url = ""] = /curl -s (\S+)/.exec(run.output()) ?? [];
    const [, token = ""] = /Authorization: Bearer ([\w.-]+)/.exec(run.output()) ?? [];
    expect(url).toBe(`http://localhost:${port}/stream/start`);
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const started = await fetch(url, { method: "POST", headers, body: '{"asset":"vod-ts"}' });
    expect(started.status).toBe(201);
    const { manifestUrl } = Object(await started.json());
    const preflight = await fetch(url, { method: "OPTIONS", headers: { Origin: origins.STAGEDOOR_ORIGINS } });
    expect(preflight.headers.get("Access-Control-Allow-Credentials")).toBe("true");
    expect((await fetch(manifestUrl)).status).toBe(200);
    const live = await fetch(url, { method: "POST", headers, body: '{"asset":"live"}' });
    expect((await fetch(Object(await live.json()).manifestUrl)).status).toBe(200);
    expect(run.output()).toContain(`http://127.0.0.1:${livePort}`);
    const atCloudFront = await fetch(url, { method: "POST", headers, body: '{"asset":"vod-cloudfront-function"}' });
    const cloudFront = new URL(Object(await atCloudFront.json()).manifestUrl);
    expect([cloudFront.origin, (await fetch(cloudFront)).status]).toEqual([`http://127.0.0.1:${cdnPort}`, 200]);
    expect(run.output()).toContain(cloudFront.origin);
    expect((await fetch(`http://localhost:${port}/`)).headers.get("content-type")).toContain("text/html");
    const [, credential = ""] = /sign in to the console[^\n]*\n\n([\w.-]+)/.exec(run.output()) ?? [];
    const init = { method: "POST", headers: { Origin: `http://localhost:${port}` }, redirect: "manual" } as const;
    const body = new URLSearchParams({ credential });
    expect((await fetch(`http://localhost:${port}/console/sign-in`, { ...init, body })).status).toBe(303);
    // `npm start` writes the settings that wrangler reads, unless the file is the user's own. The edge's configuration
    // is valid with them alone.
    const vars = readFileSync(join(projectRoot, ".dev.vars"), "utf8").split("\n");
    const settings = Object.fromEntries(
      vars.flatMap((line) => [/^(STAGEDOOR_\w+)='(.*)'$/.exec(line)?.slice(1) ?? []]),
    );
    if (vars[0]?.startsWith("# Written by npm start.")) expect(readConfiguration(settings)).toMatchObject({ ok: true });
    // Twice, as in a terminal: npm forwards a signal that the process has received already.
    run.child.kill("SIGINT");
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(0);
    await expect(fetch(`http://localhost:${port}/`)).rejects.toThrow();
    for (const stopped of [livePort, cdnPort]) await expect(fetch(`http://127.0.0.1:${stopped}/`)).rejects.toThrow();
  });

  it.each(portOptions)("exits with 1 and an explanation if the port of %s is in use", async (option) => {
    const port = await freePort();
    const server = await listen(port);
    const run = start(await freePorts({ [option]: port }));
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain(`Port ${port} is in use`);
    server.close();
  });

  it.each([
    ["a setting that is not a number", { STAGEDOOR_MANIFEST_TTL: "soon" }, "STAGEDOOR_MANIFEST_TTL"],
    ["a setting out of its bounds", { STAGEDOOR_MANIFEST_TTL: "5" }, "STAGEDOOR_MANIFEST_TTL"],
    ["a setting that does not exist", { STAGEDOOR_PAUSE_ALOWANCE: "5" }, "STAGEDOOR_PAUSE_ALOWANCE"],
    ["a wrong choice", { STAGEDOOR_RENEWAL: "yes" }, "STAGEDOOR_RENEWAL"],
  ])("exits with 2 and names %s", async (_, environment, name) => {
    const run = start(await freePorts(), environment);
    expect(await run.ended).toBe(2);
    expect(run.output()).toContain(name);
  });

  it("exits with 2 for an unknown option", async () => {
    const run = start(["--prot", "9000"]);
    expect(await run.ended).toBe(2);
    expect(run.output()).toContain("--prot");
  });
});
