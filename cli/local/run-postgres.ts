import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { isLocalPostgres, parsePostgresUrl } from "../../src/config/postgres-url.ts";
import type { DeploymentConfig, EnvironmentName } from "../../src/deployment/config-schema.ts";
import type { PostgresAddress } from "../../src/platform/postgres/postgres-database.ts";
import { reasonOf } from "../lib/files.ts";
import { projectRoot } from "../lib/project.ts";

/**
 * The database of `host.postgres`, undefined without that member and for development, which needs none; or why its file of
 * certificates cannot be read.
 */
export function postgresAddress(
  { host }: DeploymentConfig,
  environment: EnvironmentName | undefined,
  { STAGEDOOR_POSTGRES_PASSWORD: password }: Readonly<Record<string, string>>,
): PostgresAddress | string | undefined {
  if (host.type !== "node" || host.postgres === undefined || environment === undefined) return undefined;
  const { url: written, tls, ca: file } = host.postgres;
  const url = written.replaceAll("{environment}", environment);
  const isLocal = isLocalPostgres(parsePostgresUrl(url) ?? { host: "" });
  if (file === undefined) return { url, password, tls: tls ?? !isLocal, ca: undefined };
  try {
    return { url, password, tls: tls ?? !isLocal, ca: readFileSync(resolve(projectRoot, file), "utf8") };
  } catch (error) {
    return `host.postgres.ca: ${resolve(projectRoot, file)} cannot be read: ${reasonOf(error)}. Correct the path in stagedoor.config.json.`;
  }
}
