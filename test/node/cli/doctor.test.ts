import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { dispatch } from "../../../cli/dispatch.ts";
import { neededBindings } from "../../../cli/doctor/checks/bindings.ts";
import { type Finding, findingIds } from "../../../cli/doctor/finding.ts";
import { newDevKeys } from "../../../cli/lib/dev-keys.ts";
import { workerConfig, workerFiles, workerKinds } from "../../../cli/lib/worker-files.ts";
import { folder, projectFolder, secretsIn, stagedoor } from "./command-line.ts";

/** A copy of the project's files that `doctor` reads. */
function project(): string {
  const place = folder();
  for (const file of Object.values(workerFiles)) {
    mkdirSync(join(place, file, ".."), { recursive: true });
    cpSync(join(projectFolder, file), join(place, file));
  }
  return place;
}

function edit(place: string, file: string, change: (text: string) => string): void {
  writeFileSync(join(place, file), change(readFileSync(join(place, file), "utf8")));
}

/** Runs the command in this process, so that wrangler, which takes a second, loads only once for these tests. */
async function doctor(...words: readonly string[]) {
  const outcome = await dispatch(["doctor", ...words]);
  if (outcome.exit === 2) throw new Error(outcome.message);
  const findings: readonly Finding[] = Object(outcome.json).findings;
  return { exit: outcome.exit, json: Object(outcome.json), text: stripVTControlCharacters(outcome.text), findings };
}

describe("npx stagedoor doctor", () => {
  it("finds no error in the unchanged project on this machine", async () => {
    const { exit, stdout } = await stagedoor("doctor", "--json");
    const { faults, warnings, checks } = JSON.parse(stdout);
    expect([exit, faults, warnings]).toEqual([0, 0, 0]);
    expect(checks).toContainEqual(expect.objectContaining({ check: "bindings", state: "ok" }));
  });

  it("checks the issuers of --issuers without --env too", async () => {
    const file = join(folder(), "issuers.json");
    writeFileSync(file, JSON.stringify([{ issuer: "https://id.example.com", algorithms: ["RS255"] }]));
    const { exit, text } = await doctor("--issuers", file);
    expect(exit).toBe(1);
    expect(text).toMatch(/STAGEDOOR_ISSUERS\[0\]\.algorithms\[0\]: Use one of "RS256".*[^.]\.$/m);
    expect(text).toContain("STAGEDOOR_ISSUERS[0].audience: Use a string or an array: it is missing.\n");
  });

  it("prints a line per check with its mark, then every finding with advice, and exits with 1", async () => {
    const { exit, text } = await doctor("--env", "production");
    expect(exit).toBe(1);
    expect(text).toMatch(/^ok {4}bindings /m);
    expect(text).toMatch(/^NO {4}exposure .*4 faults$/m);
    expect(text).toMatch(/^-- {4}keys .*--ring keys\.json\.$/m);
    expect(text).toMatch(/\n\nNO {4}placeholder \(wrangler\.toml\)\n {2}Found .*\n {2}What to do .*\n/);
    expect(text.split("\n").at(-1)).toMatch(/^4 faults, \d+ warnings?\.$/);
  });

  it("reads the files of --project, and reports production's API bound to staging's objects", async () => {
    const place = project();
    edit(place, "workers/api/wrangler.toml", (text) => {
      const [before = "", production = ""] = text.split("\n[env.production]");
      return `${before}\n[env.production]${production.replace('"stagedoor-edge"', '"stagedoor-edge-staging"')}`;
    });
    edit(place, "workers/manifest/wrangler.toml", (text) =>
      text.replaceAll("workers_dev = false", "workers_dev = true"),
    );
    edit(place, "wrangler.toml", (text) => text.replace("invocation_logs = false", "invocation_logs = true"));
    const { findings } = await doctor("--env", "production", "--project", place);
    for (const [id, about] of [
      ["binding_elsewhere", "workers/api/wrangler.toml: REVOCATION_LOG"],
      ["worker_open", "workers/manifest/wrangler.toml"],
      ["request_logs", "wrangler.toml"],
    ])
      expect(findings).toContainEqual(expect.objectContaining({ id, about, severity: "fault" }));
  });

  it("reports a ring that others can read, and never shows its contents", async () => {
    const ring = join(folder(), "keys.json");
    writeFileSync(ring, JSON.stringify({ keys: await newDevKeys() }), { mode: 0o600 });
    expect((await doctor("--ring", ring)).findings.map(({ id }) => id)).not.toContain("ring_readable");
    chmodSync(ring, 0o644);
    const { exit, text, json, findings } = await doctor("--ring", ring, "--env", "production");
    expect(exit).toBe(1);
    expect(findings.map(({ id }) => id)).toEqual(expect.arrayContaining(["ring_readable", "dev_key"]));
    for (const secret of secretsIn(ring)) expect(text + JSON.stringify(json)).not.toContain(secret);
  });

  it.each([
    [["--api", "https://api.example.com/"], "--api must be a URL"],
    [["--media", "media.example.com"], "--media must be a URL"],
    [["--public-bucket", "https://pub-1.r2.dev/?x"], "--public-bucket must be a URL"],
    [["--asset", "no-such"], "--asset must be the id of an asset"],
    [["--token", "-", "--bearer", "-"], "Only one of --token and --bearer"],
  ])("exits with 2 for %j", async (words, message) => {
    expect(await dispatch(["doctor", ...words])).toEqual({ exit: 2, message: expect.stringContaining(message) });
  });
});

describe("a worker's wrangler file", () => {
  const empty = {
    ...{ name: "w", vars: {}, kv_namespaces: [], r2_buckets: [], d1_databases: [] },
    durable_objects: { bindings: [] },
  };
  const read = (more: object) => workerConfig("edge", "wrangler.toml", { ...empty, ...more });

  it("means open at workers.dev by default if it has no route", () => {
    expect(read({}).workersDev).toBe(true);
    expect(read({ routes: ["media.films.test/*"] })).toMatchObject({ workersDev: false, routes: ["media.films.test"] });
    expect(read({ workers_dev: false }).workersDev).toBe(false);
  });

  it.each([
    [{}, false],
    [{ observability: { enabled: true } }, true],
    [{ observability: { enabled: true, logs: { invocation_logs: false } } }, false],
    [{ observability: { logs: { enabled: true } } }, true],
    [{ observability: { enabled: true, logs: { enabled: false } } }, false],
    [{ observability: { traces: { enabled: true } } }, true],
  ])("that is %j logs requests: %s", (more, logged) => {
    expect(read(more).logsRequests).toBe(logged);
  });
});

describe("the bindings that doctor expects", () => {
  it.each(workerKinds)("are those that the %s worker's entry requires", (worker) => {
    const entry = readFileSync(join(projectFolder, `workers/${worker}/index.ts`), "utf8");
    const [, list = ""] = /\bbindings: \[([^\]]*)\]/.exec(entry) ?? [];
    const listed = [...list.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
    const required = neededBindings[worker].filter(({ optional }) => optional === undefined);
    expect(required.map(({ binding }) => binding).toSorted()).toEqual(listed.toSorted());
  });
});

describe("a finding of doctor", () => {
  const tests = readdirSync(import.meta.dirname).filter((name) => /^doctor-\w+\.test\.ts$/.test(name));
  const texts = tests.map((name) => readFileSync(join(import.meta.dirname, name), "utf8")).join("\n");
  const page = readFileSync(join(projectFolder, "docs/operate/doctor.md"), "utf8");

  it.each(findingIds)("with the id %s is covered by a test", (id) => {
    expect(texts).toContain(`"${id}",`);
  });

  it("has exactly one row in docs/operate/doctor.md", () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, id]) => id);
    expect(rows.toSorted()).toEqual([...findingIds].toSorted());
  });
});
