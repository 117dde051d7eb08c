import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadFunction } from "../../../cli/cloudfront/emulator.ts";
import {
  caseEvent,
  type FunctionCase,
  functionCases,
  judgeCase,
  testAsset,
} from "../../../cli/cloudfront/function-cases.ts";
import { EmulatedStore } from "../../../cli/cloudfront/key-value-store.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { defaultConfig } from "../../unit/deployment/example-config.ts";
import { keyOf, now, preparedKeys, ringKeys } from "../../unit/signing/session.ts";
import { folder, projectFolder, runFile, stagedoor } from "../cli/command-line.ts";
import { byCore, worldOf } from "../verifier/worlds.ts";
import { packed, scriptOf } from "./stage.ts";
import { cdn, film, films, production, secrets } from "./template-stage.ts";

const key = keyOf(await preparedKeys(), "2026-a");
const cases = await functionCases(key, { issuer: "stagedoor", renews: true, now });

/** What `aws cloudfront test-function` prints about a case, by the emulator: AWS gives the function the query of the event. */
async function printed(events: readonly object[], renewal: { lifetime: number; step: number } | undefined) {
  const store = new EmulatedStore(() => now * 1000);
  store.update({ puts: [{ key: "c", value: packed() }] }, store.describe().etag);
  const script = await scriptOf({ renewal });
  const run = loadFunction({ script, store, clock: () => now * 1000 }, () => undefined);
  const results: unknown[] = [];
  for (const event of events) {
    const { request, ...rest } = Object(structuredClone(event));
    const query = Object.entries<{ value: string }>(request.querystring).map(([name, { value }]) => `${name}=${value}`);
    const rawQueryString = () => (query.length === 0 ? undefined : query.join("&"));
    const output = Object(await run({ ...rest, request: { ...request, rawQueryString } }));
    const { rawQueryString: _, ...fields } = output;
    const text = JSON.stringify(output.statusCode === undefined ? { request: fields } : { response: fields });
    results.push({ TestResult: { ComputeUtilization: "21", FunctionErrorMessage: "", FunctionOutput: text } });
  }
  return results;
}

const results = await printed(cases.map(caseEvent), { lifetime: 300, step: 30 });
const resultOf = (name: string) => results[cases.findIndex((each) => each.name === name)];

describe("the cases for test-function", () => {
  it("have an event each in the form of AWS's examples", () => {
    for (const each of cases) {
      const { version, context, viewer, request, ...others } = Object(caseEvent(each));
      expect([version, context, viewer, others]).toEqual([
        "1.0",
        { eventType: "viewer-request" },
        { ip: "192.0.2.7" },
        {},
      ]);
      expect(Object.keys(request).toSorted()).toEqual(["cookies", "headers", "method", "querystring", "uri"]);
    }
  });

  it.each(cases.map((each, at) => [each.name, each, at] as const))(
    "the built function does what %s expects",
    (_, each, at) => {
      expect(judgeCase(each.outcome, results[at])).toEqual({ fault: undefined, utilization: 21 });
    },
  );

  it("refuse what the edge worker refuses, for the same reason", async () => {
    const asset = {
      id: testAsset,
      origin: { type: "r2", binding: "MEDIA", prefix: "a/" },
      entry: "index.m3u8",
      files: ["*.jpg"],
    };
    const other = { ...asset, id: `${testAsset}-2`, origin: { ...asset.origin, prefix: "b/" } };
    const catalog = parseCatalog({ version: 1, assets: [asset, other] });
    if (!catalog.ok) throw new Error("the catalog is invalid");
    const world = await worldOf({ keys: ringKeys }, await preparedKeys(), catalog.value);
    const client = { address: "192.0.2.7", userAgent: "Player/1.0" };
    for (const { name, method, target, outcome } of cases.filter(({ method }) => method === "GET")) {
      const { status, location, code = "none" } = Object(byCore(world, { target, client, now }));
      const refused = status === "expired" && location === undefined ? "signature_expired" : code;
      expect([name, method, refused]).toEqual([name, "GET", outcome.does === "refuse" ? outcome.code : "none"]);
    }
  });

  it("expect the refusal of an expired segment if the function does not renew", async () => {
    const [strict] = (await functionCases(key, { issuer: "stagedoor", renews: false, now })).filter(
      ({ name }) => name === "segment-expired",
    );
    expect(strict?.outcome).toMatchObject({ does: "refuse", code: "signature_expired" });
    const [result] = await printed([caseEvent(strict ?? fail())], undefined);
    expect(judgeCase(strict?.outcome ?? fail(), result).fault).toBeUndefined();
  });
});

function fail(): never {
  throw new Error("no such case");
}

describe("a result that is not as expected", () => {
  const outcomeOf = (name: string): FunctionCase["outcome"] =>
    cases.find((each) => each.name === name)?.outcome ?? fail();

  it.each([
    ["segment", "unsigned", 'the URI is undefined, not "/stagedoor-function-test/0.ts"'],
    ["segment-query", "segment", 'the query is "", not "v=1"'],
    ["unsigned", "segment", "the status is undefined, not 403"],
    ["unsigned", "other-file", 'Stagedoor-Refusal is "signature_invalid", not "signature_missing"'],
    ["segment-expired", "unsigned", "the status is 403, not 307"],
    ["preflight", "segment", "the status is undefined, not 204"],
    ["playlist", "segment", /^the URI is "\/stagedoor-function-test\/0.ts", not "\/.*index.m3u8"$/],
  ])("is named: %s with the result of %s", (name, other, fault) => {
    expect(judgeCase(outcomeOf(name), resultOf(other)).fault).toEqual(
      typeof fault === "string" ? fault : expect.stringMatching(fault),
    );
  });

  it("is named if the function failed, or the file is something else", () => {
    const broken = {
      TestResult: { FunctionErrorMessage: "out of memory", FunctionOutput: "", ComputeUtilization: "100" },
    };
    expect(judgeCase(outcomeOf("segment"), broken)).toEqual({
      fault: "the function failed: out of memory",
      utilization: 100,
    });
    for (const odd of [undefined, null, "", [], { TestResult: null }, { TestResult: { FunctionOutput: 1 } }])
      expect(judgeCase(outcomeOf("segment"), odd).fault).toBe("the file is no result of test-function");
  });

  it("is named if it redirects to the old URL", () => {
    const { path, notBefore } = Object(outcomeOf("segment-expired"));
    const result = (location: string) => ({
      TestResult: {
        FunctionOutput: JSON.stringify({ response: { statusCode: 307, headers: { location: { value: location } } } }),
      },
    });
    const fresh = `${path}?seg=${notBefore + 1}.${"a".repeat(22)}`;
    expect(judgeCase(outcomeOf("segment-expired"), result(fresh)).fault).toBeUndefined();
    for (const old of [`${path}?seg=${notBefore}.${"a".repeat(22)}`, `/x${fresh}`, path])
      expect(judgeCase(outcomeOf("segment-expired"), result(old)).fault).toBe("Location is no fresh URL of this file");
  });
});

describe("npx stagedoor cloudfront test-cases", () => {
  it("writes the cases for a deployment without a key, and compares the results of its script", async () => {
    const project = folder();
    const config = {
      ...defaultConfig,
      cdns: cdn("cdn.{domain}"),
      origins: { films },
      secrets,
      assets: [film],
      environments: production("tv.test"),
    };
    writeFileSync(join(project, "stagedoor.config.json"), JSON.stringify(config));
    const k = Buffer.alloc(32, 9).toString("base64url");
    const ring = { keys: [{ kid: "cf1", purpose: "cloudfront-session", kty: "oct", alg: "HS256", k }] };
    writeFileSync(join(project, "keys-production.json"), JSON.stringify(ring), { mode: 0o600 });
    const node = join(projectFolder, "node_modules/.bin/node");
    const words = [join(projectFolder, "cli/stagedoor.ts"), "cloudfront", "test-cases", "--env", "production"];
    const run = await runFile(node, words, project, process.env);
    expect([run.exit, run.stderr]).toEqual([0, ""]);
    const place = join(project, "cloudfront-production-cases");
    const read = (name: string) => readFileSync(join(place, name), "utf8");
    for (const name of readdirSync(place)) expect(read(name)).not.toContain(k);
    const check = () => stagedoor("cloudfront", "test-cases", "--check", place);
    expect(await check()).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining(`has no result of ${cases.length} of`),
    });

    // The script runs with an `aws` that says which words it was given.
    const tools = folder();
    const aws = `#!/bin/sh\ncase "$2" in describe-function) echo E1;; *) echo "{\\"words\\": \\"$*\\"}";; esac\n`;
    writeFileSync(join(tools, "aws"), aws, { mode: 0o700 });
    const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` };
    const script = await runFile("/bin/sh", [join(place, "run.sh"), "tested"], project, env);
    expect(script).toMatchObject({ exit: 0, stderr: "" });
    const { words: given } = JSON.parse(read("result-segment.json"));
    expect(given).toBe(
      "cloudfront test-function --name tested --if-match E1 --stage LIVE --output json --event-object fileb://event-segment.json",
    );
    expect(await check()).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining(`0 of ${cases.length} cases are as expected`),
    });

    const { cases: own } = JSON.parse(read("cases.json"));
    for (const { name } of own) writeFileSync(join(place, `result-${name}.json`), JSON.stringify(resultOf(name)));
    writeFileSync(join(place, "cases.json"), JSON.stringify({ cases }));
    expect(await check()).toMatchObject({
      exit: 0,
      stdout: `${cases.length} of ${cases.length} cases are as expected. The function used at most 21 % of its time.`,
    });
  });
});
