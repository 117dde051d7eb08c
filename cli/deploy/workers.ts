/** The workers that are deployed, by the name that their folders have. */
export type DeployedWorker = "manifest" | "edge" | "identity" | "api";

/** Each worker's configuration, from the project's root. */
export const configs: Readonly<Record<DeployedWorker, string>> = {
  manifest: "workers/manifest/wrangler.toml",
  edge: "wrangler.toml",
  identity: "workers/identity/wrangler.toml",
  api: "workers/api/wrangler.toml",
};

/**
 * The order in which they are deployed, the first time and each time after it: a worker stands behind those whose objects
 * and services it binds, since a binding to what does not exist (yet) is refused. Old workers that call new ones are served
 * as before; so is, by the rule of docs/operate/upgrade.md, what the new ones sign.
 */
export const order = ["manifest", "edge", "identity", "api"] as const satisfies readonly DeployedWorker[];

/** The order in which they are given keys: who only verifies comes first, so that nobody meets a signature that he cannot check. */
export const verifiersFirst = ["edge", "manifest", "identity", "api"] as const satisfies readonly DeployedWorker[];

export const environments = ["staging", "production"] as const;
export type DeployedEnvironment = (typeof environments)[number];
