// Checks the version of Node before anything else runs. In JavaScript, and importing little, so that an old Node can run it.
// The npm scripts run it as a program; cli/bin.mjs imports it.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** In a clone the sources run as they are: 22.18 is the first version that runs TypeScript without a flag. */
const isClone = existsSync(new URL("./stagedoor.ts", import.meta.url));
const required = isClone ? [22, 18] : [22, 13];

const advice = isClone
  ? "The project brings its own Node, but it is not installed: run `npm ci` without --ignore-scripts, or install a newer Node."
  : "Install a newer Node, or one for this folder alone: npm install --save-dev node@24";

function isTooOld(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  return major < required[0] || (major === required[0] && minor < required[1]);
}

if (isTooOld(process.versions.node)) {
  const program = isClone ? "this project" : "Stagedoor";
  console.error(
    `Node ${process.versions.node} cannot run ${program}, which needs Node ${required.join(".")} or later.\n${advice}`,
  );
  process.exit(1);
}

const npmNode = /\bnode\/v?([\d.]+)/.exec(process.env.npm_config_user_agent ?? "")?.[1];
if (process.argv[1] === fileURLToPath(import.meta.url) && npmNode !== undefined && isTooOld(npmNode))
  console.log(`npm runs on Node ${npmNode}. The project uses its own Node ${process.versions.node} from node_modules.`);
