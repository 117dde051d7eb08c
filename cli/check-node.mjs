// Runs before `npm start` and `npm test`, in JavaScript, so that an old Node can run it as well.

/** The first version that runs TypeScript without a flag. */
const required = [22, 18];

function isTooOld(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  return major < required[0] || (major === required[0] && minor < required[1]);
}

const npmNode = /\bnode\/v?([\d.]+)/.exec(process.env.npm_config_user_agent ?? "")?.[1];

if (isTooOld(process.versions.node)) {
  console.error(
    `Node ${process.versions.node} cannot run this project, which needs Node ${required.join(".")} or later.
The project brings its own Node, but it is not installed: run \`npm ci\` without --ignore-scripts, or install a newer Node.`,
  );
  process.exit(1);
}
if (npmNode !== undefined && isTooOld(npmNode))
  console.log(`npm runs on Node ${npmNode}. The project uses its own Node ${process.versions.node} from node_modules.`);
