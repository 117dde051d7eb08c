import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import type { DeploymentConfig, EnvironmentName } from "../../src/deployment/config-schema.ts";
import { settingsFor } from "../../src/deployment/wrangler-config.ts";
import { logError } from "../../src/http/problem-response.ts";
import type { AccountStores, NodeAccounts } from "../../src/platform/node/node-accounts.ts";
import { openPostgres, type PostgresAddress, postgresFault } from "../../src/platform/postgres/postgres-database.ts";
import { readMigrations } from "../identity/migrations.ts";
import { devIdentityEnvironment } from "../lib/dev-environment.ts";
import { devIdentitySecret } from "../lib/dev-keys.ts";
import { requiredPeer } from "../lib/peers.ts";
import { postgresAddress } from "./run-postgres.ts";

interface AccountOptions {
  /** Undefined for development on this machine. */
  readonly environment: EnvironmentName | undefined;
  readonly apiUrl: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** The SQLite file of the service, which has the accounts unless there is host.postgres. */
  readonly file: string;
}

/**
 * The accounts of a deployment on Node, with their tables: undefined if it has none of its own, and a text if its
 * settings are invalid or PostgreSQL cannot be used. On this machine everyone can sign up, as with `npm start`.
 */
export async function accountsOf(
  folder: string,
  config: DeploymentConfig,
  { environment, apiUrl, secrets, file }: AccountOptions,
): Promise<NodeAccounts | string | undefined> {
  if (!config.identity.worker) return undefined;
  const settings = settingsFor("identity", config, environment);
  const configuration = readIdentityConfiguration(
    environment === undefined
      ? devIdentityEnvironment(apiUrl, devIdentitySecret(folder), settings)
      : {
          STAGEDOOR_ENV: environment,
          STAGEDOOR_API_URL: apiUrl,
          STAGEDOOR_IDENTITY_SECRET: secrets.STAGEDOOR_IDENTITY_SECRET,
          ...settings,
        },
  );
  if (!configuration.ok) return ["The configuration is invalid:", ...configuration.refusal].join("\n  ");
  // Loaded only here: a service without accounts of its own has no better-auth.
  const { nodeAccounts, sqliteAccounts } = await requiredPeer("better-auth", async () => ({
    ...(await import("../../src/platform/node/node-accounts.ts")),
    ...(await import("../../src/platform/node/sqlite-accounts.ts")),
  }));
  const address = postgresAddress(config, environment, secrets);
  if (typeof address === "string") return address;
  if (address !== undefined) {
    const stores = await inPostgres(address);
    return typeof stores === "string" ? stores : nodeAccounts(configuration.value, stores);
  }
  return nodeAccounts(configuration.value, sqliteAccounts(file, readMigrations("sqlite")));
}

async function inPostgres(address: PostgresAddress): Promise<AccountStores | string> {
  const { postgresAccounts } = await import("../../src/platform/postgres/postgres-accounts.ts");
  const pool = openPostgres(address, (error) => logError((line) => console.log(line), "identity", error));
  try {
    return await postgresAccounts(pool, readMigrations("postgres"));
  } catch (error) {
    return postgresFault(error, address);
  }
}
