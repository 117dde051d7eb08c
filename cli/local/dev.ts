import { type Command, endFailed, endMisused, shownWord } from "../lib/command.ts";
import { inDeployment, projectRoot } from "../lib/project.ts";

export const devCommand: Command = {
  name: "dev",
  summary: "run a deployment's folder on this machine",
  operands: [],
  options: {
    port: { type: "string" },
    "media-port": { type: "string" },
    secrets: { type: "string" },
  },
  help: `Runs the deployment of stagedoor.config.json on this machine, in simulated R2, KV and D1: its assets with their own origins,
its settings, and its issuers in addition to development tokens. Files of \`local\` folders are copied into their simulated
buckets. Prints a bearer token and an operator's credential for this machine. Ctrl-C stops it.

  --port <number>         the API (8787)
  --media-port <number>   the media host (8788)
  --secrets <file>        secrets of your origins and issuers, a line NAME=value each (secrets-development.env, if it exists)`,
  run: async (args) => {
    if (!inDeployment)
      return endMisused(
        "There is no stagedoor.config.json here or above: make a deployment's folder with `npx stagedoor init <folder>`, and run this command in it. In a clone of this project, `npm start` runs the fixture streams.",
      );
    const port = readPort("port", args.value("port") ?? "8787");
    const mediaPort = readPort("media-port", args.value("media-port") ?? "8788");
    if (port === mediaPort) endMisused(`--port and --media-port must be different ports, not both ${port}.`);
    // Loaded only here: wrangler and Miniflare take seconds.
    const { runDeployment } = await import("./run-deployment.ts");
    const ended = await runDeployment(projectRoot, { port, mediaPort, secrets: args.value("secrets") });
    return endFailed(ended);
  },
};

function readPort(option: string, digits: string): number {
  const number = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  return number >= 1 && number <= 65535
    ? number
    : endMisused(`--${option} must be a port number from 1 to 65535, not ${shownWord(digits)}.`);
}
