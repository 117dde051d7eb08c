import { randomBytes } from "node:crypto";
import { runChecks } from "../../../cli/doctor/doctor.ts";
import type { Facts } from "../../../cli/doctor/facts.ts";
import type { Check, Finding } from "../../../cli/doctor/finding.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { readWorkerFile, type WorkerConfig, type WorkerKind, workerKinds } from "../../../cli/lib/worker-files.ts";
import { ok } from "../../../src/base/result.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import type { OriginSecrets } from "../../../src/catalog/origin-secrets.ts";
import { newCloudFrontKey, newOperatorKey, newSessionKey } from "../../../src/keys/generate.ts";
import type { RingKey } from "../../../src/keys/key.ts";

export const now = unixSeconds(1_795_000_000);
export const mediaUrl = "https://media.films.test";
export const apiUrl = "https://api.films.test";
export const cloudFrontKid = "K2JCJMDEHXQW5F";

/** The keys of a valid ring. */
export const ringKeys: readonly RingKey[] = [
  newSessionKey("s1", randomBytes),
  await newCloudFrontKey(cloudFrontKid, "ec"),
  await newOperatorKey("ops"),
];

export const films = {
  id: "film",
  origin: { type: "r2", binding: "MEDIA", prefix: "film/" },
  entry: "index.m3u8",
};
export const far = {
  id: "far",
  origin: {
    type: "http",
    url: "https://origin.films.test/far/",
    auth: { type: "header", name: "X-Origin-Secret", secret: "FAR_SECRET" },
  },
  entry: "index.m3u8",
};
/** The permitted use of that asset's secret in the deployment. */
export const originSecrets: OriginSecrets = {
  FAR_SECRET: { use: "header", header: "X-Origin-Secret", hosts: ["*.films.test"] },
};
export const clouded = {
  id: "clouded",
  origin: { type: "r2", binding: "MEDIA", prefix: "clouded/" },
  entry: "index.m3u8",
  cdn: "cloudfront-signed",
  cloudfront: { url: "https://d1.cloudfront.test", keyPairId: cloudFrontKid },
};

export function catalogOf(...assets: readonly object[]): NonNullable<Facts["catalog"]> {
  return { where: "catalog.json", parsed: parseCatalog({ version: 1, assets }) };
}

export function ringOf(...keys: readonly RingKey[]): NonNullable<Facts["ring"]> {
  return { file: "keys.json", mode: 0o100600, parsed: ok({ keys }) };
}

/** The files of the project as an operator would fill them in for production. */
const workers = await Promise.all(workerKinds.map(productionWorker));

async function productionWorker(kind: WorkerKind): Promise<WorkerConfig> {
  const file = await readWorkerFile(projectRoot, kind, "production");
  if (!file.ok) throw new Error(file.refusal);
  const { value } = file;
  const id = "0123456789abcdef0123456789abcdef";
  return {
    ...value,
    kv: value.kv.map(({ binding }) => ({ binding, id })),
    databases: value.databases.map(({ binding }) => ({ binding, id: "01234567-89ab-4def-8123-456789abcdef" })),
    vars: {
      ...value.vars,
      ...addressesIn(value.vars),
      ...(kind === "identity" ? {} : { STAGEDOOR_ORIGIN_SECRETS: JSON.stringify(originSecrets) }),
    },
    routes: value.routes.map((host) => host.replace("example.com", "films.test")),
    secrets: [...value.secrets, "FAR_SECRET"],
  };
}

function addressesIn(vars: WorkerConfig["vars"]) {
  return {
    ...("STAGEDOOR_MEDIA_URL" in vars ? { STAGEDOOR_MEDIA_URL: mediaUrl } : {}),
    ...("STAGEDOOR_API_URL" in vars ? { STAGEDOOR_API_URL: apiUrl } : {}),
  };
}

/** A deployment without faults. */
export const sound: Facts = {
  folder: projectRoot,
  data: undefined,
  environment: "production",
  development: false,
  deployment: undefined,
  workers,
  unreadable: [],
  elsewhere: [],
  ring: ringOf(...ringKeys),
  catalog: catalogOf(films, far, clouded),
  issuers: JSON.stringify([
    { issuer: "https://id.films.test", audience: "a", algorithms: ["ES256"], jwksUri: "https://id.films.test/jwks" },
  ]),
  addresses: { apiUrl: "http://localhost:8787", mediaUrl: "http://localhost:8788" },
  now,
};

/** The sound deployment with one worker changed. */
export function withWorker(kind: WorkerKind, change: (worker: WorkerConfig) => Partial<WorkerConfig>): Facts {
  return {
    ...sound,
    workers: sound.workers.map((worker) => (worker.worker === kind ? { ...worker, ...change(worker) } : worker)),
  };
}

/** The sound deployment with settings of several workers changed. */
export function withVars(kinds: readonly WorkerKind[], vars: WorkerConfig["vars"]): Facts {
  return {
    ...sound,
    workers: sound.workers.map((worker) =>
      kinds.includes(worker.worker) ? { ...worker, vars: { ...worker.vars, ...vars } } : worker,
    ),
  };
}

/** Runs the checks, and returns their findings. Each text of a finding must be a full sentence that says what to do. */
export async function findingsOf<Subject>(
  checks: readonly Check<Subject>[],
  facts: Subject,
): Promise<readonly Finding[]> {
  const findings = (await runChecks(checks, facts)).flatMap((result) => result.findings);
  for (const finding of findings) {
    if (!/^\S.*[.)]$/s.test(finding.found)) throw new Error(`no sentence: ${finding.found}`);
    if (!/^[A-Z`].*[.)]$/s.test(finding.do)) throw new Error(`no instruction: ${finding.do}`);
    // Without the worker's file and its environment, wrangler would write to the edge worker of production.
    for (const [command] of finding.do.matchAll(/wrangler secret put[^`]*/g))
      if (!/ -c \S+ --env \w+$/.test(command)) throw new Error(`not the whole command: ${command}`);
    // A key group is written as a whole: after an export of one key, CloudFront refuses all other keys.
    for (const [command] of finding.do.matchAll(/keys export[^`]*/g))
      if (!/ --purpose cloudfront --format \S+/.test(command) || command.includes("--kid"))
        throw new Error(`not the whole key group: ${command}`);
    if (finding.about === "") throw new Error(`about nothing: ${finding.found}`);
  }
  return findings;
}
