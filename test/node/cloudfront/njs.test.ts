import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { longCases } from "../verifier/long-requests.ts";
import { contractCases, escapeCases, requests } from "../verifier/requests.ts";
import type { Case } from "../verifier/worlds.ts";
import { packed, Stage, scriptOf } from "./stage.ts";

const isInstalled = spawnSync("njs", ["-v"]).status === 0;

/** The module `cloudfront`, with a store of one packed entry. */
const cloudfront = `export default {
  kvs: () => ({
    get: (key) => (key === "c" ? Promise.resolve(${JSON.stringify(packed())}) : Promise.reject(new Error("no key"))),
    exists: () => Promise.resolve(false),
  }),
  selectRequestOriginById: (id) => { globalThis.origin = id; },
};
`;

/** Runs the handler for each case, one after the other, and writes what it returned. */
const runner = `
const fs = require("fs");
const memory = () => (njs.memoryStats ? njs.memoryStats.size : 0);
fs.writeFileSync("memory", String(memory()));
const cases = JSON.parse(fs.readFileSync("cases.json"));
const lines = [];
function next(at) {
  if (at === cases.length) return fs.writeFileSync("results", lines.join("\\n"));
  const each = cases[at];
  const mark = each.target.indexOf("?");
  const query = mark < 0 ? undefined : each.target.slice(mark + 1);
  globalThis.origin = "default";
  const before = memory();
  Date.now = () => each.now * 1000;
  const request = {
    method: "GET",
    uri: mark < 0 ? each.target : each.target.slice(0, mark),
    querystring: {},
    headers: { "user-agent": { value: each.client.userAgent } },
    rawQueryString: () => query,
  };
  handler({ viewer: { ip: each.client.address }, request: request }).then((result) => {
    const used = memory() - before;
    lines.push(JSON.stringify({ origin: globalThis.origin, result: result, used: used }));
    next(at + 1);
  });
}
next(0);
`;

interface Line {
  readonly origin: string;
  readonly result: Record<string, unknown>;
  /** Bytes: an interpreter frees nothing while a request lasts. */
  readonly used: number;
}

function outcomeOf({ origin, result }: Line): unknown {
  const header = (name: string) => Object(Object(result.headers)[name]).value;
  if (result.statusCode === undefined) {
    const target = result.querystring === "" ? result.uri : `${result.uri}?${result.querystring}`;
    // HTTP trims the value of a header, as it does for the address "" that some cases have.
    return { origin, target, ...(origin === "manifest" && { viewer: header("stagedoor-viewer").trim() }) };
  }
  const [refusal, location] = [header("stagedoor-refusal"), header("location")];
  return { status: result.statusCode, ...(refusal && { refusal }), ...(location && { location }) };
}

function inNjs(script: string, cases: readonly Case[]): { readonly lines: readonly Line[]; readonly loaded: number } {
  const folder = mkdtempSync(join(tmpdir(), "cloudfront-"));
  try {
    writeFileSync(join(folder, "cases.json"), JSON.stringify(cases));
    writeFileSync(join(folder, "cloudfront"), cloudfront);
    writeFileSync(join(folder, "script.js"), script + runner);
    const run = spawnSync("njs", ["-p", folder, "script.js"], { cwd: folder, encoding: "utf8", timeout: 100_000 });
    expect([run.error, run.stdout + run.stderr]).toEqual([undefined, ""]);
    const lines = readFileSync(join(folder, "results"), "utf8").split("\n");
    return {
      lines: lines.map((line) => JSON.parse(line)),
      loaded: Number(readFileSync(join(folder, "memory"), "utf8")),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const reason = "njs is not installed (apt-get install njs): the CloudFront Function ran in Node only";

it("the CloudFront Function does the same in njs as in Node", async ({ skip }) => {
  skip(!isInstalled, reason);
  const script = await scriptOf();
  const some = [
    ...contractCases.filter((_, at) => at % 50 === 0),
    ...escapeCases,
    ...longCases,
    ...fc.sample(requests, 300),
  ];
  const cases = some.filter(({ target }) => target.length < 8000 && /^[ -~]*$/.test(target));
  const outcomes = inNjs(script, cases).lines.map(outcomeOf);
  const stage = new Stage(script);
  const different: unknown[] = [];
  for (const [at, request] of cases.entries()) {
    const node = await stage.outcome(request);
    if (!isDeepStrictEqual(outcomes[at], node)) different.push({ request, njs: outcomes[at], node });
  }
  expect(different.slice(0, 5)).toEqual([]);
  expect(outcomes.length).toBe(cases.length);
});

it("the CloudFront Function and any one request need less memory in njs than the 2 MB that CloudFront gives them", async ({
  skip,
}) => {
  skip(!isInstalled, reason);
  const some = contractCases.filter((_, at) => at % 500 === 0);
  const cases = [...longCases, ...some].filter(({ target }) => /^[ -~]{1,8192}$/.test(target));
  const { lines, loaded } = inNjs(await scriptOf(), cases);
  const { loaded: empty } = inNjs("const handler = () => Promise.resolve({ headers: {} });", cases.slice(0, 1));
  skip(loaded === 0, "this njs does not count its memory: the CloudFront Function's is not measured");
  const most = lines.reduce((one, other) => (other.used > one.used ? other : one));
  expect(loaded - empty + most.used, JSON.stringify(most).slice(0, 500)).toBeLessThan(2_097_152);
});
