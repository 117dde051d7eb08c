import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../cli/lib/project.ts";
import { markdown, shortfallsOf } from "./report.ts";
import { runProof } from "./run-proof.ts";

const usage = `npm run players [-- --short] [--only <player or scenario>]... [--jobs <number>]

Plays the fixtures in hls.js, Shaka Player, video.js and Chromium's own HLS, and in ffmpeg and mpv if they are installed.
Signatures expire within seconds, and everything that a viewer would notice is counted. Takes about half an hour, or two
minutes with --short. With --deployment nginx they play from nginx in front of \`npx stagedoor serve\`. A full run of the workers writes docs/players/tested.md and docs/players/tested.json. Exits with 1 if a scenario fails.`;

const introduction = `# In real players

\`npm run players\` writes this page. Signatures expire within seconds instead of minutes, so that hours of playback take
minutes here. Requests are counted in front of the media host, which includes those of players that report none. In
brackets: the same stream from an unprotected server. The first picture is timed from the manifest's URL,
the median of nine alternating openings, with 20 ms of network in front of both.

✓ means: no stall, no unexpected refusal, one init segment per variant, and the session ends within two seconds if the
scenario ends it.
`;

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    deployment: { type: "string", default: "workers" },
    only: { type: "string", multiple: true, default: [] },
    jobs: { type: "string", default: "6" },
    help: { type: "boolean" },
  },
});

if (values.help === true) console.log(usage);
else await run();

async function run(): Promise<void> {
  const { short, only, deployment } = values;
  if (deployment !== "workers" && deployment !== "nginx") {
    console.error(`--deployment must be workers or nginx, not ${deployment}.`);
    process.exitCode = 2;
    return;
  }
  const jobs = Number(values.jobs);
  const report = await runProof({ deployment, short, only, jobs, log: (line) => console.error(`… ${line}`) });
  const text = markdown(report);
  console.log(text);
  if (!short && only.length === 0 && deployment === "workers") {
    const { judged, firstFrames, players } = report;
    await writeFile(join(projectRoot, "docs/players/tested.md"), `${introduction}\n${text}`);
    const numbers = { players: players.map(({ name, version }) => ({ name, version })), judged, firstFrames };
    await writeFile(join(projectRoot, "docs/players/tested.json"), `${JSON.stringify(numbers, null, 2)}\n`);
  }
  const missed = shortfallsOf(report);
  if (missed > 0) {
    console.error(`${missed} of ${report.judged.length + report.firstFrames.length} fail`);
    process.exitCode = 1;
  }
}
