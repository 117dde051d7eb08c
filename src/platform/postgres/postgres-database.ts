import { Pool } from "pg";
import { parsePostgresUrl } from "../../config/postgres-url.ts";

/** How the service reaches its PostgreSQL. */
export interface PostgresAddress {
  /** `postgres://user@host:5432/database`, without a password. `?host=/run/postgresql` is a folder with a socket. */
  readonly url: string;
  readonly password: string | undefined;
  /** Whether connections are encrypted, with a certificate of the host that an authority signed. */
  readonly tls: boolean;
  /** The certificates of the authority, in place of the public ones. */
  readonly ca: string | undefined;
}

/** In milliseconds. A request waits no longer for a connection, and no longer for an answer. */
const timeouts = { connect: 5_000, query: 10_000, idle: 30_000 };

/** The connections that a process opens, unless it needs fewer. */
const mostConnections = 10;

/**
 * Connections to PostgreSQL, opened when they are needed. `onError` gets the error of one that breaks while nothing uses
 * it; the next query opens another.
 */
export function openPostgres(
  { url, password, tls, ca }: PostgresAddress,
  onError: (error: unknown) => void,
  connections = mostConnections,
): Pool {
  const parts = parsePostgresUrl(url);
  if (parts === undefined) throw new TypeError("not the URL of a PostgreSQL database");
  const pool = new Pool({
    ...parts,
    password,
    ssl: tls && { rejectUnauthorized: true, ...(ca !== undefined && { ca }) },
    max: connections,
    connectionTimeoutMillis: timeouts.connect,
    query_timeout: timeouts.query,
    idleTimeoutMillis: timeouts.idle,
    keepAlive: true,
    application_name: "stagedoor",
  });
  pool.on("error", onError);
  return pool;
}

/** Why PostgreSQL cannot be used, and what to do. It quotes no password. */
export function postgresFault(error: unknown, { url, tls }: Pick<PostgresAddress, "url" | "tls">): string {
  const { host = "", port = 0, user = "", database = "" } = parsePostgresUrl(url) ?? {};
  const { code, message = "" } = Object(error);
  const at = "host.postgres";
  if (["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "ENOENT", "EHOSTUNREACH"].includes(code))
    return `${at}.url: nothing answers at ${host}:${port} (${code}). Start PostgreSQL, or correct the address.`;
  if (code === "28P01" || code === "28000" || /password must be a string/.test(message))
    return `${at}: the server does not accept the user ${user}. Write their password to the line STAGEDOOR_POSTGRES_PASSWORD= of the secrets' file.`;
  if (code === "3D000")
    return `${at}.url: the server has no database ${database}. Make it: createdb --owner=${user} ${database}`;
  if (code === "42501")
    return `${at}: the user ${user} may not make tables in ${database}. Make them its owner: ALTER DATABASE "${database}" OWNER TO "${user}"`;
  if (code === "42P07" || code === "42703")
    return `${at}.url: ${database} has tables of another program. Use a database of its own: createdb --owner=${user} stagedoor`;
  if (/does not support SSL/.test(message))
    return `${at}.tls: the server at ${host} has no TLS. Turn it on there, or set "tls": false in a network that nobody else can read.`;
  if (tls && /CERT|SIGNATURE|ALTNAME/.test(String(code)))
    return `${at}.ca: the server's certificate is not accepted (${code}). Name a file with the certificate of its authority, and use the host that the certificate names.`;
  return `${at}: PostgreSQL at ${host}:${port} cannot be used (${typeof code === "string" ? code : error instanceof Error ? error.name : "unknown error"}).`;
}
