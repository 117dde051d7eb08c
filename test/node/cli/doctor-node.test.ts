import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { catalogCheck } from "../../../cli/doctor/checks/catalog.ts";
import { hostCheck } from "../../../cli/doctor/checks/host.ts";
import { doctorCommand } from "../../../cli/doctor/doctor.ts";
import { gatherFacts } from "../../../cli/doctor/facts.ts";
import { gatherLive } from "../../../cli/doctor/live/gather-live.ts";
import { readArguments } from "../../../cli/lib/command.ts";
import { generateFiles } from "../../../cli/lib/deployment-folder.ts";
import { defaultConfig, onNode } from "../../unit/deployment/example-config.ts";
import { folder } from "./command-line.ts";
import { catalogOf, findingsOf, ringKeys } from "./doctor-stage.ts";

/** The folder of a deployment on Node with its films, its ring and its SQLite file. */
function selfHosted(host: object = {}): string {
  const project = folder();
  const config = {
    ...defaultConfig,
    ...onNode(),
    host: { type: "node", ...host },
    origins: { films: { type: "file", folder: "films" } },
    environments: { production: { domain: "example.com" } },
  };
  writeFileSync(join(project, "stagedoor.config.json"), JSON.stringify(config));
  for (const name of ["films", "data"]) mkdirSync(join(project, name));
  writeFileSync(join(project, "data/production.sqlite"), "", { mode: 0o600 });
  writeFileSync(join(project, "keys-production.json"), JSON.stringify({ keys: ringKeys }), { mode: 0o600 });
  const generated = generateFiles(project);
  if (!generated.ok) throw new Error(generated.refusal);
  return project;
}

const words = (project: string, ...more: readonly string[]) =>
  readArguments(doctorCommand, ["--project", project, "--env", "production", ...more]);

async function found(project: string, ...more: readonly string[]) {
  const addresses = { apiUrl: "http://localhost:8787", mediaUrl: "http://localhost:8788" };
  const facts = await gatherFacts(words(project, ...more), addresses);
  return (await findingsOf([hostCheck], facts)).map(({ id, about }) => [id, about]);
}

it("doctor finds nothing on a machine that has what serve needs, and reports no bindings", async () => {
  const project = selfHosted();
  expect(await found(project)).toEqual([]);
  const outcome = await doctorCommand.run(words(project), () => undefined);
  if (outcome.exit === 2) throw new Error(outcome.message);
  const checks = JSON.parse(JSON.stringify(outcome.json.checks)).map(({ check }: { check: string }) => check);
  expect(checks).toEqual(["configuration", "agreement", "settings", "host", "exposure", "keys", "catalog"]);
  // The ring is that of serve.
  expect(outcome.text).toMatch(/keys +the ring's keys are valid/);
});

it("doctor names a missing folder, a file that other users can read, and a folder in which no file can be made", async () => {
  const project = selfHosted();
  chmodSync(join(project, "data/production.sqlite"), 0o644);
  writeFileSync(join(project, "file"), "");
  const config = join(project, "stagedoor.config.json");
  expect(await found(project)).toEqual([["data_readable", join(project, "data/production.sqlite")]]);
  const absent = join(project, "nowhere/production.sqlite");
  expect(await found(project, "--data", absent)).toEqual([["data_unwritable", absent]]);
  expect(await found(project, "--data", join(project, "new.sqlite"))).toEqual([]);
  const origins = { films: { type: "file", folder: "file" } };
  writeFileSync(
    config,
    JSON.stringify({ ...defaultConfig, ...onNode(), origins, environments: { production: { domain: "example.com" } } }),
  );
  expect((await found(project))[0]).toEqual(["folder_unreadable", "origins.films.folder"]);
});

it("doctor names an asset whose rules ask for a member of a place that no header tells", async () => {
  const headers = { country: "X-Client-Country", region: "X-Client-Region" };
  const facts = async (host: object, ...assets: readonly object[]) => ({
    ...(await gatherFacts(words(selfHosted(host)), {
      apiUrl: "http://localhost:8787",
      mediaUrl: "http://localhost:8788",
    })),
    catalog: catalogOf(...assets),
  });
  const local = (id: string, rules: object) => ({
    ...{ id, origin: { type: "file", root: "films", path: `${id}/` }, entry: "index.m3u8" },
    ...rules,
  });
  const assets = [
    local("free", { origins: ["https://example.com"] }),
    local("german", { countries: { only: ["DE"] } }),
    local("coast", { places: { except: [{ regions: ["US-CA"] }, { asns: [64500] }], anonymous: "refuse" } }),
  ];
  const untold = async (host: object) =>
    (await findingsOf([catalogCheck], await facts(host, ...assets))).map(({ id, about, found: text }) => [
      ...[id, about, /ask for (.*) of a client/.exec(text)?.[1]],
    ]);
  expect(await untold({})).toEqual([
    ["place_untold", "german", "country"],
    ["place_untold", "coast", "region, asn, anonymous"],
  ]);
  expect(await untold({ placeHeaders: headers })).toEqual([["place_untold", "coast", "asn, anonymous"]]);
  expect(await untold({ placeHeaders: { ...headers, asn: "X-A", anonymous: "X-B" } })).toEqual([]);
});

it("doctor warns of an asset with rules at CloudFront's function, unless the media host renews its URLs", async () => {
  const film = { id: "film", origin: { type: "r2", binding: "MEDIA", prefix: "film/" }, entry: "index.m3u8" };
  const far = { ...film, cdn: "cloudfront", cdnUrl: "https://d1.cloudfront.net", countries: { only: ["DE"] } };
  const warned = async (vars: Readonly<Record<string, string>>, asset: object) => {
    const read = await gatherFacts(words(selfHosted()), {
      apiUrl: "http://localhost:8787",
      mediaUrl: "http://localhost:8788",
    });
    const workers = read.workers.map((worker) => ({ ...worker, vars: { ...worker.vars, ...vars } }));
    const findings = await findingsOf([catalogCheck], { ...read, workers, catalog: catalogOf(asset) });
    return findings.filter(({ severity }) => severity === "warning").map(({ id, about }) => [id, about]);
  };
  expect(await warned({}, far)).toEqual([["rules_not_renewed", "film"]]);
  expect(await warned({ STAGEDOOR_CLOUDFRONT_RENEWAL: "manifest" }, far)).toEqual([]);
  expect(await warned({}, film)).toEqual([]);
});

it("doctor says how a ring or a secret reaches a service on Node, and never to upload it to workers", async () => {
  const args = words(selfHosted());
  const facts = await gatherFacts(args, { apiUrl: "http://localhost:8787", mediaUrl: "http://localhost:8788" });
  const { upload, environment } = gatherLive(args, facts, { token: undefined, bearer: undefined });
  expect(environment).toBe("production");
  for (const name of ["STAGEDOOR_KEYS", "STAGEDOOR_EDGE_SECRETS"] as const)
    expect(upload(name)).toMatch(/^reload the service: send SIGHUP/);
});

it.each([
  ["0.0.0.0/0", 1],
  ["::/0", 1],
  ["128.0.0.0/1", 1],
  ["10.0.0.0/8", 0],
  ["fc00::/7", 0],
  ["203.0.113.7", 0],
])("doctor finds fault with the trusted proxies %s: %i", async (proxies, faults) => {
  const project = selfHosted({ trustedProxies: [proxies] });
  expect(await found(project)).toEqual(
    Array.from({ length: faults }, () => ["proxies_open", `host.trustedProxies ${proxies}`]),
  );
});
