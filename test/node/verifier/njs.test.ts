import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import * as golden from "../../unit/golden/version-1.ts";
import { catalog, preparedKeys, ringKeys } from "../../unit/signing/session.ts";
import { longCases } from "./long-requests.ts";
import {
  bindingCases,
  byteCases,
  claimRequests,
  contractCases,
  escapeCases,
  goldenCases,
  limitCases,
  requests,
  unsignedRequests,
} from "./requests.ts";
import { artefact, type Case, inVm, plain, type World, worldOf } from "./worlds.ts";

const isInstalled = spawnSync("njs", ["-v"]).status === 0;

/** Reads worlds and cases, and writes a verdict per line: one process for all of them. */
const script = `${artefact}
const fs = require("fs"), crypto = require("crypto");
const worlds = JSON.parse(fs.readFileSync("cases.json"));
const lines = [];
for (let i = 0; i < worlds.length; i++) {
  const verify = edgeVerifier(worlds[i].settings, crypto, Buffer);
  const cases = worlds[i].cases;
  for (let at = 0; at < cases.length; at++)
    lines.push(JSON.stringify(verify(cases[at].target, cases[at].client, cases[at].now)));
}
fs.writeFileSync("verdicts", lines.join("\\n"));
`;

function inNjs(worlds: readonly { readonly settings: World["settings"]; readonly cases: readonly Case[] }[]) {
  const folder = mkdtempSync(join(tmpdir(), "verifier-"));
  try {
    writeFileSync(join(folder, "cases.json"), JSON.stringify(worlds));
    writeFileSync(join(folder, "script.js"), script);
    const run = spawnSync("njs", ["script.js"], { cwd: folder, encoding: "utf8", timeout: 100_000 });
    expect(run.error).toBeUndefined();
    expect(run.stdout + run.stderr).toBe("");
    return readFileSync(join(folder, "verdicts"), "utf8")
      .split("\n")
      .map((line) => plain(JSON.parse(line)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it("the portable verifier says the same in njs as in Node", async ({ skip }) => {
  skip(!isInstalled, "njs is not installed (apt-get install njs): the verifier ran in Node only");
  const world = await worldOf({ keys: ringKeys }, await preparedKeys(), catalog);
  const old = await worldOf(golden.ring, golden.keys, golden.catalog);
  const random = [requests, claimRequests, unsignedRequests].flatMap((arbitrary) => fc.sample(arbitrary, 700));
  const runs = [
    { world: old, cases: goldenCases },
    {
      world,
      cases: [...contractCases, ...escapeCases, ...longCases, ...byteCases, ...limitCases, ...bindingCases, ...random],
    },
  ];
  const verdicts = inNjs(runs.map(({ world: { settings }, cases }) => ({ settings, cases })));
  const expected = runs.flatMap(({ world: own, cases }) => cases.map(inVm(own)));
  const all = runs.flatMap(({ cases }) => cases);
  const different = all.flatMap((request, at) =>
    isDeepStrictEqual(verdicts[at], expected[at]) ? [] : [{ request, njs: verdicts[at], node: expected[at] }],
  );
  expect(different.slice(0, 5)).toEqual([]);
  expect(verdicts.length).toBe(all.length);
});
