import { configFile } from "../../src/deployment/config-schema.ts";
import { placeholders } from "../../src/deployment/placeholders.ts";
import type { Answers } from "./answers.ts";

/** The name of the secret with which an origin recognises the workers. */
const secretNames = { http: "ORIGIN_SECRET", s3: "S3_KEY" } as const;

/** The text of `stagedoor.config.json` for a new deployment. */
export function configText(answers: Answers): string {
  const { name, identity, environments, domain, asset } = answers;
  const environmentLines = environments.map((environment) => {
    const members = {
      domain: environment === "production" ? domain : `${environment}.${domain}`,
      ...(answers.host === "workers" ? { kv: placeholders.storeId(environment, "kv") } : {}),
      ...(answers.host === "workers" && identity.worker ? { d1: placeholders.storeId(environment, "d1") } : {}),
    };
    return `    ${JSON.stringify(environment)}: ${inline(members)}`;
  });
  const isNode = answers.host === "node";
  const secrets = secretsOf(answers);
  const assets = [
    {
      id: asset.id,
      origin: originName(answers),
      ...(asset.path === undefined ? {} : { path: asset.path }),
      entries: { hls: asset.entry },
      ...(answers.cloudfront === undefined ? {} : { cdn: "cloudfront" }),
    },
  ];
  return `{
  // The one file of this deployment${isNode ? ", for `npx stagedoor serve`" : ": `npx stagedoor dev` and `npx stagedoor deploy` generate wrangler's files from it"}.
  "$schema": "./node_modules/stagedoor/stagedoor.config.schema.json",
  "version": 1,
  "name": ${JSON.stringify(name)},${isNode ? '\n  "host": { "type": "node" },' : ""}

  // {domain} is the domain of the environment.
  "api": { "host": "api.{domain}" },
  "cdns": {
    "main": { "type": ${JSON.stringify(answers.host)}, "host": "media.{domain}" }${
      answers.cloudfront === undefined ? "" : `,\n    "cloudfront": ${inline(answers.cloudfront)}`
    }
  },

  // Where films are stored. Secrets have names here, and values in secrets-<environment>.env.
  "origins": {
    ${JSON.stringify(originName(answers))}: ${inline(originMembers(answers))}
  },${secrets.length === 0 ? "" : `\n  "secrets": {\n    ${secrets.join(",\n    ")}\n  },`}

  // ${identity.worker ? 'Accounts of Stagedoor\'s own. Name your own provider in "issuers" instead: npx stagedoor issuers add --help' : "Your identity provider: docs/identity-providers of the package has the entry of each."}
  "identity": ${identity.worker ? '{ "worker": true }' : `{ "issuers": ${indented(identity.issuers)} }`},

  // ${isNode ? "`npx stagedoor serve --env <environment>` runs one." : "`npx stagedoor deploy --env <environment> --create` makes the stores and fills in their ids."}
  "environments": {
${environmentLines.join(",\n")}
  },

  // What ${isNode ? "the first start writes to the catalog" : "`npx stagedoor dev` plays, and the first deployment has in its catalog"}. Later: npx stagedoor assets add.
  "assets": [
${assets.map((one) => `    ${inline(one)}`).join(",\n")}
  ],

  // Settings by the names of docs/reference/configuration.md, such as "STAGEDOOR_STREAM_LIMIT": 2.
  "settings": {}
}
`;
}

function originName({ origin }: Answers): string {
  return origin.type === "r2" ? "media" : "films";
}

function originMembers({ origin }: Answers): object {
  if (origin.type === "file") return origin;
  if (origin.type === "r2") return { type: "r2", bucket: origin.bucket, local: "media" };
  if (origin.type === "http") {
    const { url, header } = origin;
    return { type: "http", url, ...(header === undefined ? {} : { secret: secretNames.http }) };
  }
  const { bucket, region, endpoint } = origin;
  return { type: "s3", bucket, region, ...(endpoint === undefined ? {} : { endpoint }), secret: secretNames.s3 };
}

/** The members of `secrets`, a line each. */
function secretsOf({ origin, identity }: Answers): readonly string[] {
  const issuers = identity.secrets.map((name) => `${JSON.stringify(name)}: ${inline({ use: "issuer" })}`);
  return [...originSecret(origin), ...issuers];
}

function originSecret(origin: Answers["origin"]): readonly string[] {
  if (origin.type === "s3") {
    const { bucket, region, endpoint } = origin;
    const host = endpoint === undefined ? `${bucket}.s3.${region}.amazonaws.com` : hostOf(endpoint);
    return [`"${secretNames.s3}": ${inline({ use: "sigv4", accessKeyId: "S3_KEY_ID", hosts: [host] })}`];
  }
  if (origin.type !== "http" || origin.header === undefined) return [];
  return [`"${secretNames.http}": ${inline({ use: "header", header: origin.header, hosts: [hostOf(origin.url)] })}`];
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** JSON in one line, with the spaces of people. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${inline(member)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

function indented(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll("\n", "\n  ");
}

/** Files with secrets, files that are generated, and films, which dev copies from media/, are never committed. */
export const ignoredFiles = [
  "node_modules/",
  ".stagedoor/",
  ".wrangler/",
  "media/",
  "keys*.json",
  "keys*.json.*",
  "secrets*.env",
  "secrets*.env.*",
  "data/",
  "nginx*/",
  ".dev.vars*",
  "*.jwt",
  "*.pem",
];

/** The workflow that checks every change, and deploys the main branch. */
export function workflowText({ environments }: Answers): string {
  const environment = environments.includes("production") ? "production" : "staging";
  return `# Builds every change, and deploys the main branch. Add the secret CLOUDFLARE_API_TOKEN (a token that may edit Workers, KV and
# D1) and the variable CLOUDFLARE_ACCOUNT_ID to the repository. Workers keep their secrets: this job needs none of them.
name: deploy
on:
  push:
    branches: [main]
  pull_request:

permissions:
  contents: read

jobs:
  deploy:
    runs-on: ubuntu-latest
    concurrency: deploy-${environment}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 24
          cache: npm
      - run: npm ci
      - run: npx stagedoor deploy --env ${environment} --dry-run
      - if: github.ref == 'refs/heads/main' && github.event_name == 'push'
        run: npx stagedoor deploy --env ${environment}
        env:
          CLOUDFLARE_API_TOKEN: \${{ secrets.CLOUDFLARE_API_TOKEN }}
          CLOUDFLARE_ACCOUNT_ID: \${{ vars.CLOUDFLARE_ACCOUNT_ID }}
`;
}

/** The README of a deployment: the next three commands, and where the rest is written. */
export function readmeText(answers: Answers): string {
  return answers.host === "node" ? nodeReadme(answers) : workersReadme(answers);
}

function nodeReadme({ environments, origin, asset }: Answers): string {
  const environment = environments.includes("production") ? "production" : "staging";
  const film =
    origin.type === "file"
      ? `\nPut the files of the first asset into \`${origin.folder}/${asset.path ?? `${asset.id}/`}\`.\n`
      : "";
  return `# A deployment of Stagedoor

Everything that this deployment decides is in \`${configFile}\`.
${film}
\`\`\`sh
npm install
npx stagedoor serve                                     # on localhost, with a token to try it
npx stagedoor keys new --purpose session --ring keys-${environment}.json
npx stagedoor secrets new --env ${environment}
npx stagedoor serve --env ${environment}                  # your domain, behind a proxy with TLS
\`\`\`

docs/deploy/self-hosted.md of the package has the rest. To upgrade, run \`npm update\`, then
\`npm install --save-exact stagedoor@<version>\`, and start it again.
`;
}

/** What a deployment with a CloudFront Function needs in addition. */
function distributionSteps(environment: string): string {
  return `
The films' distribution at CloudFront has keys, a secret and a store of its own. docs/deploy/cloudfront.md of the package has each
step; these are its commands:

\`\`\`sh
npx stagedoor keys new --purpose cloudfront-session --kid cf1 --ring keys-${environment}.json
npx stagedoor cloudfront template --env ${environment} --format cloudformation   # or terraform: the distribution and its store
npx stagedoor cloudfront sync --help                    # what fills the store with keys and revocations
\`\`\`
`;
}

function workersReadme({ environments, origin, asset, cloudfront }: Answers): string {
  const environment = environments.includes("staging") ? "staging" : "production";
  const film =
    origin.type === "r2"
      ? `\nPut the files of the first asset into \`media/${asset.path ?? `${asset.id}/`}\`: \`npx stagedoor dev\` copies them into a simulated bucket.\n`
      : "";
  return `# A deployment of Stagedoor

Everything that this deployment decides is in \`${configFile}\`.
${film}
\`\`\`sh
npm install
npx stagedoor dev                                       # runs it on this machine, and prints a token
npx stagedoor deploy --env ${environment} --create --dry-run   # builds it, and lists what is not filled in
\`\`\`

A first deployment needs keys and secrets. Each command prints the next one:

\`\`\`sh
npx stagedoor keys new --purpose session --ring keys-${environment}.json
npx stagedoor secrets new --env ${environment}
npx wrangler login
npx stagedoor deploy --env ${environment} --create --ring keys-${environment}.json --secrets secrets-${environment}.env
npx stagedoor doctor --env ${environment} --ring keys-${environment}.json
\`\`\`
${cloudfront?.type === "cloudfront-function" ? distributionSteps(environment) : ""}
To upgrade, run \`npm update\`, then \`npm install --save-exact stagedoor@<version>\`, and deploy again. One version in package.json and
the lock file change, and no other file of this folder.
`;
}
