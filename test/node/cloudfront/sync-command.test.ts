import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EmulatedStore } from "../../../cli/cloudfront/key-value-store.ts";
import { answerStore } from "../../../cli/cloudfront/store-server.ts";
import { storeArnOf } from "../../../cli/cloudfront/sync-command.ts";
import { CommandEnded } from "../../../cli/lib/command.ts";
import { devEnvironment } from "../../../cli/lib/dev-environment.ts";
import { newDevKeys } from "../../../cli/lib/dev-keys.ts";
import { after, seconds, systemClock } from "../../../src/base/time.ts";
import { readConfiguration, type WorkerName } from "../../../src/config/configuration.ts";
import { fileOrigin } from "../../../src/platform/node/file-origin.ts";
import { nodeHost } from "../../../src/platform/node/node-host.ts";
import { sqliteStores } from "../../../src/platform/node/node-stores.ts";
import { defaultConfig } from "../../unit/deployment/example-config.ts";
import { folder, json, projectFolder, runFile, stagedoor } from "../cli/command-line.ts";

const arn = "arn:aws:cloudfront::123456789012:key-value-store/0c1e4a38-2f5d-4c4a-9d55-5f2b6a1c7e90";
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI-EXAMPLE" };
const credential = "the-operators-credential";
const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const home = folder();
const file = (name: string, text: string) => {
  writeFileSync(join(home, name), text);
  chmodSync(join(home, name), 0o600);
  return join(home, name);
};
const ringKey = (kid: string, purpose: string) => ({ kid, purpose, kty: "oct", alg: "HS256", k: key });
const ring = file(
  "keys.json",
  JSON.stringify({ keys: [ringKey("s1", "session"), ringKey("cf1", "cloudfront-session")] }),
);
const words = (...more: readonly string[]) => [
  ...["cloudfront", "sync", "--store", arn, "--api", "https://api.example.tv/v1", "--ring", ring],
  ...["--bearer", file("operator.jwt", credential), ...more],
];

let store: EmulatedStore;
let entries: { kind: string; value: string; cause: string; at: number; until: number; by: string }[];
/** The API's response to a question for the log. */
let answerLog: (request: Request) => Response;

beforeEach(() => {
  store = new EmulatedStore(() => 0);
  entries = [];
  answerLog = (request) => {
    const cursor = Number(new URL(request.url).searchParams.get("since"));
    const page = { cursor: entries.length, asOf: Date.now(), reset: false, more: false };
    return Response.json({ ...page, entries: entries.slice(cursor) });
  };
  vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);
  const answer = answerStore({ store, arn, ...credentials });
  vi.stubGlobal("fetch", async (input: string, init?: RequestInit) => {
    const request = new Request(input, init);
    const { host, pathname } = new URL(request.url);
    if (host === "123456789012.cloudfront-kvs.global.api.aws") return answer(request);
    expect([host, pathname]).toEqual(["api.example.tv", "/v1/operator/revocations"]);
    expect(request.headers.get("authorization")).toBe(`Bearer ${credential}`);
    return answerLog(request);
  });
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

function revoke(value: string, kind = "login"): void {
  const at = Math.floor(Date.now() / 1000);
  entries.push({ kind, value, cause: "revoked", at, until: at + 600, by: "operator" });
}

describe("npx stagedoor cloudfront sync", () => {
  it("writes the keys and revocations, and says how full the store is and what is next", async () => {
    revoke("AAAAAAAAAAAAAAAAAAAAAA");
    const { exit, stdout, stderr } = await stagedoor(...words());
    expect([exit, stderr]).toEqual([0, ""]);
    const size = store.describe().totalSizeInBytes;
    expect(stdout).toBe(`Wrote 3 entries and removed 0 entries.
The store has 3 entries, ${size} of 5242880 bytes (0.0 %), with the key cf1.

The function uses it for 60 minutes. Next: run this command again before then, or keep the store in step with --watch.`);
    expect(store.list().get("c")).toContain(`|cf1:${key}|`);
    expect([...store.list().keys()].toSorted()).toEqual(["c", "lAAAAAAAAAAAAAAAAAAAAAA", "o"]);
    entries = [];
    expect(await json(...words())).toMatchObject({
      exit: 0,
      deletes: 1,
      entries: 2,
      dropped: 0,
      kids: ["cf1"],
    });
  });

  it("writes nothing if the log refuses, and repeats neither the credential nor a key", async () => {
    answerLog = () => Response.json({ code: "scope_insufficient", title: "Insufficient scope" }, { status: 403 });
    const { exit, stderr } = await stagedoor(...words());
    expect([exit, stderr]).toEqual([
      1,
      "The revocation log cannot be read, so nothing was written: 403 scope_insufficient: Insufficient scope",
    ]);
    answerLog = () => Response.json({ cursor: "1" });
    expect((await stagedoor(...words())).stderr).toContain("returned an unexpected response");
    expect(store.list().size).toBe(0);
  });

  it("names the store and what AWS's credentials must be allowed to do", async () => {
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "another");
    const { exit, stderr } = await stagedoor(...words());
    expect([exit, stderr]).toEqual([
      1,
      `${arn} cannot be brought in step: DescribeKeyValueStore: AccessDeniedException (403): allow cloudfront-keyvaluestore:DescribeKeyValueStore, ListKeys and UpdateKeys on the store's ARN. Run this command again.`,
    ]);
  });

  it("needs a store, and a key for CloudFront in the ring", async () => {
    expect(await stagedoor("cloudfront", "sync")).toMatchObject({
      exit: 2,
      stderr: "Give --env, or --store with --api and --ring.",
    });
    expect(await stagedoor("cloudfront", "sync", "--store", "arn:aws:s3:::films")).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(
        /^--store must be an ARN such as arn:aws:cloudfront::\d+:key-value-store.*, not "arn/,
      ),
    });
    const other = file("other.json", JSON.stringify({ keys: [ringKey("s1", "session")] }));
    expect(await stagedoor(...words().map((word) => (word === ring ? other : word)))).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("npx stagedoor keys new --purpose cloudfront-session --ring"),
    });
  });

  it("has the store of its environment, unless there are none or several", async () => {
    const project = folder();
    const far = { type: "cloudfront-function", host: "cdn.example.tv", store: { production: arn } };
    const config = { ...defaultConfig, cdns: { ...defaultConfig.cdns, far } };
    writeFileSync(join(project, "stagedoor.config.json"), JSON.stringify(config));
    const node = join(projectFolder, "node_modules/.bin/node");
    const command = [join(projectFolder, "cli/stagedoor.ts"), "cloudfront", "sync", "--env", "production"];
    // The next thing that is missing: an operator's credential for the environment's API.
    const { stderr } = await runFile(node, command, project, process.env);
    expect(stderr).toMatch(/^--bearer is missing: .* operator:read /);
    const endings = [[], [arn, `${arn}0`]].map((stores) => {
      try {
        return storeArnOf(undefined, "production", stores);
      } catch (error) {
        return error instanceof CommandEnded && "note" in error.outcome ? error.outcome.note : error;
      }
    });
    expect(endings).toEqual([
      expect.stringMatching(/^No CDN of stagedoor\.config\.json names a store for production: add "store": /),
      expect.stringMatching(/^stagedoor\.config\.json names 2 stores for production: give one of them with --store /),
    ]);
  });

  it("follows the log of the service itself, with an operator's credential", async () => {
    const keys = await newDevKeys();
    const localRing = file("dev.json", JSON.stringify({ keys }));
    const configurationOf = (worker: WorkerName) => {
      const read = readConfiguration(devEnvironment(worker, { keys }, "http://localhost:8788", {}));
      if (!read.ok) throw new Error(read.refusal.join("\n"));
      return read.value;
    };
    const configurations = {
      api: configurationOf("api"),
      manifest: configurationOf("manifest"),
      edge: configurationOf("edge"),
    };
    const stores = sqliteStores(join(home, "stores.sqlite"), configurations.edge);
    const at = systemClock();
    const login = { kind: "login", value: "AAAAAAAAAAAAAAAAAAAAAA", cause: "revoked" } as const;
    await stores.revocations.append([{ ...login, at, until: after(at, seconds(600)) }], "viewer");
    const host = await nodeHost({
      ...{ role: "api", configurations, stores, accounts: undefined, roots: [] },
      ...{ origin: fileOrigin(new Map()), fetch, log: () => undefined },
    });
    if (!host.ok) throw new Error(host.refusal.join("\n"));
    const { api, waitUntil, close } = host.value;
    const answer = answerStore({ store, arn, ...credentials });
    vi.stubGlobal("fetch", async (input: string, init?: RequestInit) => {
      const request = new Request(input, init);
      return new URL(request.url).host === "localhost:8787" && api !== undefined
        ? api(request, waitUntil)
        : answer(request);
    });
    const { exit, stderr } = await stagedoor("cloudfront", "sync", "--store", arn, "--ring", localRing);
    await close();
    expect([exit, stderr]).toEqual([0, ""]);
    expect([...store.list().keys()].toSorted()).toEqual(["c", "lAAAAAAAAAAAAAAAAAAAAAA", "o"]);
  });

  it("says how many requests go to the media host because many viewers are revoked", async () => {
    for (let at = 0; at < 1000; at++)
      revoke(Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url"), "subject");
    const { stdout } = await stagedoor(...words());
    expect(stdout).toMatch(
      / with the key cf1\. So many viewers and tokens are revoked that [1-9][0-9] % of all requests go /,
    );
  });

  it("keeps the store in step with --watch, and ends between two cycles when it is stopped", async () => {
    const before = process.listeners("SIGTERM");
    const running = stagedoor(...words("--watch"));
    await expect.poll(() => store.list().size).toBe(2);
    for (const listener of process.listeners("SIGTERM")) if (!before.includes(listener)) listener("SIGTERM");
    const { exit, stdout, stderr } = await running;
    expect([exit, stdout]).toEqual([0, "Stopped. The function uses the store for an hour after its last write."]);
    expect(stderr).toMatch(
      /^\d{4}-\S+Z Wrote 2 entries and removed 0 entries\. The store has 2 entries, .* with the key cf1\.$/,
    );
  });
});
