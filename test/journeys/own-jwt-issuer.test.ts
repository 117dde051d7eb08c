import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { projectRoot } from "../../cli/lib/project.ts";
import { freePlace, runStart } from "../cluster/run-start.ts";
import { until } from "../cluster/viewer.ts";
import { stagedoorProcess } from "../node/cli/command-line.ts";

const place = mkdtempSync(join(tmpdir(), "stagedoor-issuer-"));
let issuing: ChildProcess | undefined;
afterAll(() => {
  issuing?.kill();
  rmSync(place, { recursive: true });
});

it("the example of an own issuer starts streams with npm start -- --issuers, as its README says", async () => {
  const env = { ...process.env, PORT: "0", DEMO_PASSWORD: "secret" };
  issuing = spawn(process.execPath, [join(projectRoot, "examples/own-jwt-issuer/issuer.mjs")], { env });
  let output = "";
  issuing.stdout?.on("data", (chunk) => (output += chunk));
  const issuer = await until(
    () => /^Issuer +(\S+)$/m.exec(output)?.[1] ?? "",
    (url) => url !== "",
  );
  const file = join(place, "issuers.json");
  const add = ["issuers", "add", "--discovery", issuer, "--audience", "stagedoor", "--file", file];
  expect(await stagedoorProcess(...add)).toMatchObject({ exit: 0 });
  const { args, apiUrl } = await freePlace(join(place, "state"));
  const run = runStart([...args, "--issuers", file]);
  await until(run.output, (text) => text.includes("Ready after") || text.includes("is invalid"));
  const start = async (name: string, asset: string) => {
    const headers = { Authorization: `Basic ${Buffer.from(`${name}:secret`).toString("base64")}` };
    const token = await (await fetch(`${issuer}/token`, { method: "POST", headers })).text();
    const response = await fetch(`${apiUrl}/stream/start`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ asset }),
    });
    return { status: response.status, body: await response.json() };
  };
  const { status, body } = await start("ann", "vod-ts");
  expect(status).toBe(201);
  expect((await fetch(Object(body).manifestUrl)).status).toBe(200);
  expect(await start("bob", "vod-aes")).toMatchObject({ status: 403, body: { code: "asset_forbidden" } });
});
