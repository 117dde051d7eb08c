import { generateKeyPairSync } from "node:crypto";
import { parseArgs } from "node:util";
import { newDevKeys } from "../cli/lib/dev-keys.ts";
import { countPlaylist, countStore } from "./cloudfront-counts.ts";
import { type FunctionOutcome, functionBytes, functionInNjs, functionInNode } from "./cloudfront-function.ts";
import { startBenchCluster } from "./cluster.ts";
import type { Rounds } from "./measure.ts";
import { Report } from "./report.ts";
import { checkInNode, startInNode } from "./requests-node.ts";
import { rewritingInNode } from "./rewriting-node.ts";
import { playlistsInNode } from "./rules.ts";
import { edgeAsset, edgeInWorkerd, rewritingInWorkerd, startInWorkerd } from "./workerd.ts";
import { workerdClock } from "./workerd-cpu.ts";

// The script in package.json starts V8's young generation at the size that it reaches in a long-running process (16
// MB). Otherwise it sometimes stays small, and one run in four measures the collector.
const usage = `npm run bench [-- --json]

Measures rewriting, the edge check and the start of a stream, in Node and in workerd. Each is compared in the same run with
the code that a user would write without Stagedoor. Measures the CloudFront Function in V8 and, where it is installed, in njs,
against a function that does nothing, and counts signatures and bytes. Takes about three minutes. --json prints one object with the ratios.`;

const { values } = parseArgs({ options: { json: { type: "boolean" }, help: { type: "boolean" } } });
if (values.help === true) console.log(usage);
else await run(values.json === true);

async function run(json: boolean): Promise<void> {
  const report = new Report();
  const ring = { keys: await newDevKeys() };
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  for (const playlist of ["vod1200", "live6"] as const) {
    progress(`${playlist} in Node`);
    const rounds = await rewritingInNode(playlist, privateKey);
    for (const way of ["byHand", "copy", "shared", "session"] as const)
      report.took(`${playlist}.${way}.node`, rounds(way));
    report.compare(`${playlist}.shared.node`, rounds("shared"), rounds("byHand"));
    report.compare(`${playlist}.session.node`, rounds("session"), rounds("byHand"));
  }

  progress("requests in Node");
  const check = await checkInNode(ring);
  report.took("check.known.node", check("known"));
  report.took("check.fresh.node", check("fresh"));
  const startNode = await startInNode(ring);
  report.took("start.node", startNode("start"));
  report.took("jose-app.node", startNode("joseApp"));
  report.compare("start.node", startNode("start"), startNode("joseApp"));

  const playlists = await playlistsInNode(ring);
  report.took("playlist.ruled.node", playlists("ruled"));
  report.took("playlist.free.node", playlists("free"));
  report.compare("playlist.ruled.node", playlists("ruled"), playlists("free"));

  progress("CloudFront: signatures, bytes and the store");
  report.count({ ...(await countPlaylist(privateKey)), ...countStore(), "function.bytes": await functionBytes() });
  progress("the CloudFront Function in Node");
  compareFunction(report, "node", await functionInNode());
  progress("the CloudFront Function in njs");
  const inNjs = await functionInNjs();
  if (inNjs === undefined) progress("skipped: njs is not installed (apt-get install njs)");
  else compareFunction(report, "njs", inNjs);

  progress("starting workerd");
  const cluster = await startBenchCluster(ring, privateKey, edgeAsset);
  try {
    const clock = workerdClock();
    progress(`the edge worker, by ${clock.unit}`);
    const { middle, first } = await edgeInWorkerd(cluster, clock, ring);
    report.took("edge.known.workerd", middle("known"));
    report.took("edge.unchecked.workerd", middle("unchecked"));
    report.took("edge.fresh.workerd", first("fresh"));
    report.compare("edge.workerd", middle("known"), middle("unchecked"));
    report.compare("edge.fresh.workerd", first("fresh"), first("unchecked"));

    progress("the start of a stream");
    const start = await startInWorkerd(cluster, clock, ring);
    report.took("start.workerd", start("start"));
    report.took("jose-app.workerd", start("joseApp"));
    report.compare("start.workerd", start("start"), start("joseApp"));

    for (const playlist of ["vod1200", "live6"] as const) {
      progress(`${playlist} in workerd`);
      const rounds = await rewritingInWorkerd(cluster, clock, playlist);
      for (const way of ["byHand", "copy", "shared", "session"] as const)
        report.took(`${playlist}.${way}.workerd`, rounds(way));
      report.compare(`${playlist}.shared.workerd`, rounds("shared"), rounds("byHand"));
      report.compare(`${playlist}.session.workerd`, rounds("session"), rounds("byHand"));
    }
  } finally {
    await cluster.stop();
  }
  console.log(json ? report.json() : report.table());
}

/** Each outcome against a function that does nothing. */
function compareFunction(report: Report, host: string, rounds: (outcome: FunctionOutcome) => Rounds): void {
  report.took(`function.empty.${host}`, rounds("empty"));
  for (const outcome of ["served", "renewed", "forwarded", "refused"] as const) {
    report.took(`function.${outcome}.${host}`, rounds(outcome));
    report.compare(`function.${outcome}.${host}`, rounds("empty"), rounds(outcome));
  }
}

function progress(step: string): void {
  console.error(`… ${step}`);
}
