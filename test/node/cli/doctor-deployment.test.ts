import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { configurationCheck } from "../../../cli/doctor/checks/configuration.ts";
import { doctorCommand, offlineChecks } from "../../../cli/doctor/doctor.ts";
import { type Facts, gatherFacts } from "../../../cli/doctor/facts.ts";
import { gatherLive } from "../../../cli/doctor/live/gather-live.ts";
import { readArguments } from "../../../cli/lib/command.ts";
import { generateFiles } from "../../../cli/lib/deployment-folder.ts";
import { newEdgeKey } from "../../../src/keys/generate.ts";
import { folder, projectFolder, runFile } from "./command-line.ts";
import { catalogOf, far, films, findingsOf, ringKeys, ringOf, sound } from "./doctor-stage.ts";

/** What only a clone has. The programs are those of the folder where the command runs. */
const filesOfClones = /wrangler\.(toml|json)|wrangler secret|\[\[|\[env\.|\[vars\]|fixtures\//;
const programsOfClones = /npm start|npm run deploy/;
const addresses = { apiUrl: "http://localhost:8787", mediaUrl: "http://localhost:8788" };

const config = {
  version: 1,
  api: { host: "api.{domain}" },
  cdns: { main: { type: "workers", host: "media.{domain}" } },
  origins: { far: { type: "http", url: "https://origin.films.test/", secret: "FAR_SECRET" } },
  secrets: { FAR_SECRET: { use: "header", header: "X-Origin-Secret", hosts: ["*.films.test"] } },
  identity: { worker: true },
  environments: {
    production: {
      domain: "films.test",
      kv: "0123456789abcdef0123456789abcdef",
      d1: "01234567-89ab-4def-8123-456789abcdef",
    },
  },
  assets: [],
};

/** A deployment's folder with these changes of its file. */
function deployment(changes: object = {}): string {
  const project = folder();
  writeFileSync(join(project, "stagedoor.config.json"), JSON.stringify({ ...config, ...changes }, null, 2));
  const generated = generateFiles(project);
  if (!generated.ok) throw new Error(generated.refusal);
  return project;
}

async function factsOf(project: string, ...words: readonly string[]): Promise<Facts> {
  const args = readArguments(doctorCommand, ["--project", project, ...words]);
  return gatherFacts(args, addresses);
}

async function production(project: string): Promise<Facts> {
  return { ...(await factsOf(project, "--env", "production")), ring: ringOf(...ringKeys) };
}

describe("doctor in a deployment's folder with a function at CloudFront", () => {
  const store = { production: "arn:aws:cloudfront::123456789012:key-value-store/0a1b2c3d-0a1b-4c3d-8e5f-0a1b2c3d4e5f" };
  const cdn = { type: "cloudfront-function", host: "d1.cloudfront.net", store };
  const distant = { ...films, id: "distant", cdn: "cloudfront", cdnUrl: "https://d1.cloudfront.net" };

  /** `id about` of the findings about CloudFront, with this line in the file of secrets. */
  const edgeKey = newEdgeKey("cf-1", randomBytes);
  const access = "STAGEDOOR_AWS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nSTAGEDOOR_AWS_SECRET_KEY=an-access-key-of-aws\n";
  async function found(line: string | undefined, changes: object = {}, asset: object = distant, more = access) {
    const project = deployment({ cdns: { ...config.cdns, cloudfront: { ...cdn, ...changes } } });
    if (line !== undefined) writeFileSync(join(project, "secrets-production.env"), `${line}\n${more}`, { mode: 0o600 });
    const ring = ringOf(...ringKeys, edgeKey);
    const facts = { ...(await production(project)), ring, catalog: catalogOf(asset) };
    const findings = await findingsOf([configurationCheck], facts);
    expect(await findingsOf([configurationCheck], { ...facts, ring: undefined })).toEqual(findings);
    expect(JSON.stringify(findings)).not.toContain(line?.split("=")[1] || "no line");
    return findings.map(({ id, about, found: text }) => `${id} ${about}: ${text}`);
  }
  const valid = `STAGEDOOR_EDGE_SECRETS=${"new".repeat(12)},${"old".repeat(12)}`;

  it("finds nothing if its secret has values and its store is named", async () => {
    expect(await found(valid)).toEqual([]);
  });

  it.each([
    ["store_unwritten", "no lines", ""],
    ["store_unwritten", "a line without a value", access.replace("an-access-key-of-aws", "")],
  ])("finds %s if the API's access key for the named store has %s", async (id, _, lines) => {
    const about = `${id} cdns.cloudfront.store.production: secrets-production.env has no STAGEDOOR_AWS_KEY_ID`;
    expect(await found(valid, {}, distant, lines)).toEqual([expect.stringContaining(about)]);
  });

  const edge = "STAGEDOOR_EDGE_SECRETS";
  it.each([
    ["edge_secret_missing", `${edge}: In secrets-production.env it has no value`, "FAR_SECRET=something"],
    ["edge_secret_missing", `${edge}: In secrets-production.env it has no value`, `${edge}=`],
    ["edge_secret_missing", `${edge}: In secrets-production.env it is invalid (32 to`, `${edge}=short`],
    ["not_looked_at", edge, undefined],
    ["store_unnamed", "cdns.cloudfront.store.production", valid, { store: { staging: store.production } }],
    ["cdn_local", "asset distant", valid, {}, { ...distant, cdnUrl: "http://localhost:9" }],
  ] as const)("finds %s about %s", async (id, text, line, changes: object = {}, asset: object = distant) => {
    expect(await found(line, changes, asset)).toEqual([expect.stringContaining(`${id} ${text}`)]);
  });
});

it("doctor in a clone names the workers that do not list the secret of an asset at CloudFront", async () => {
  const distant = catalogOf({ ...films, id: "distant", cdn: "cloudfront", cdnUrl: "https://d1.cloudfront.net" });
  expect(await findingsOf([configurationCheck], { ...sound, catalog: distant })).toMatchObject([
    {
      ...{ id: "edge_secret_missing", severity: "warning" },
      found: expect.stringContaining("wrangler.toml and workers/manifest/wrangler.toml do not list it"),
      do: expect.stringContaining("wrangler secret put STAGEDOOR_EDGE_SECRETS"),
    },
  ]);
});

describe("doctor in a deployment's folder", () => {
  it("finds no fault in a deployment that is filled in", async () => {
    const facts = { ...(await production(deployment())), catalog: catalogOf(far) };
    expect((await findingsOf(offlineChecks, facts)).filter(({ severity }) => severity === "fault")).toEqual([]);
  });

  it("names the member and the line of a value that is not filled in, and the command that fills it in", async () => {
    const project = deployment({
      environments: { production: { ...config.environments.production, kv: "fill-in-production-kv-id" } },
    });
    const findings = await findingsOf(offlineChecks, await production(project));
    expect(findings.filter(({ id }) => id === "placeholder")).toEqual([
      expect.objectContaining({
        about: expect.stringMatching(/^stagedoor\.config\.json:\d+$/),
        found: "environments.production.kv is fill-in-production-kv-id.",
        do: expect.stringContaining("--env production --create"),
      }),
    ]);
  });

  it.each<[string, object, (facts: Facts) => Facts]>([
    ["bucket_unbound", {}, (facts) => ({ ...facts, catalog: catalogOf(films) })],
    ["origin_secret_unlisted", { origins: { far: { type: "r2", bucket: "films" } } }, (facts) => facts],
    ["configuration_invalid", { settings: { STAGEDOOR_ENTITLEMENT_CACHE: 30 } }, (facts) => facts],
    ["sign_up_open", { settings: { STAGEDOOR_IDENTITY_SIGN_UP: "open" } }, (facts) => facts],
  ])("names stagedoor.config.json and its members, and no file of a clone: %s", async (id, changes, change) => {
    const facts = change({ ...(await production(deployment(changes))), catalog: catalogOf(far) });
    const findings = await findingsOf(offlineChecks, facts);
    expect(findings.map((finding) => finding.id)).toContain(id);
    for (const { about, found, do: whatToDo } of findings)
      expect(`${about} ${found} ${whatToDo}`).not.toMatch(filesOfClones);
  });

  it("checks in development the settings of the file", async () => {
    const facts = await factsOf(deployment({ settings: { STAGEDOOR_ENTITLEMENT_CACHE: 30 } }));
    expect(facts.workers.find(({ worker }) => worker === "edge")?.vars.STAGEDOOR_ORIGIN_SECRETS).toContain(
      "FAR_SECRET",
    );
    const findings = await findingsOf(offlineChecks, facts);
    expect(findings).toContainEqual(
      expect.objectContaining({
        id: "configuration_invalid",
        about: "stagedoor.config.json",
        found: expect.stringMatching(/^STAGEDOOR_ENTITLEMENT_CACHE: /),
        do: expect.stringMatching(/^Fix the setting under `settings`: /),
      }),
    );
  });

  it("may send in development the secrets that the file names to the hosts that it names", async () => {
    const project = deployment();
    const args = readArguments(doctorCommand, ["--project", project, "--origins"]);
    const live = gatherLive(args, await factsOf(project), { token: undefined, bearer: undefined });
    expect(live.originSecrets).toMatchObject(config.secrets);
  });
});

it("the help of commands names a deployment's own file and programs", async () => {
  const names = ["doctor", "explain", "token", "sign", "assets list", "assets check"];
  const cli = pathToFileURL(join(projectFolder, "cli/dispatch.ts")).href;
  const script = `const { dispatch } = await import(${JSON.stringify(cli)});
for (const name of ${JSON.stringify(names)}) console.log((await dispatch([...name.split(" "), "--help"])).text);`;
  const words = ["--input-type=module", "-e", script];
  const { stdout } = await runFile(process.execPath, words, deployment(), process.env);
  for (const name of names) expect(stdout).toContain(`npx stagedoor ${name} `);
  expect(stdout).not.toMatch(filesOfClones);
  expect(stdout).not.toMatch(programsOfClones);
});
