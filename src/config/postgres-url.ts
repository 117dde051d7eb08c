/** The parts of a database's address, as PostgreSQL names them. */
export interface PostgresUrl {
  /** A host, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/**
 * Reads `postgres://user@host:5432/database`, or `postgres://user@localhost/database?host=/run/postgresql` for a socket. Undefined
 * for anything else, for example a URL with a password, which belongs to the secrets.
 */
export function parsePostgresUrl(text: string): PostgresUrl | undefined {
  if (!/^postgres(ql)?:/.test(text) || !URL.canParse(text)) return undefined;
  const { hostname, port, username, password, pathname, searchParams, hash } = new URL(text);
  const [name = "", ...rest] = pathname.split("/").slice(1);
  const host = searchParams.get("host") ?? hostname.replace(/^\[|\]$/g, "");
  const isPlain = password === "" && hash === "" && rest.length === 0 && [...searchParams.keys()].every(isHost);
  if (!isPlain || host === "" || username === "" || name === "") return undefined;
  try {
    const [user, database] = [decodeURIComponent(username), decodeURIComponent(name)];
    return { host, port: port === "" ? 5432 : Number(port), user, database };
  } catch {
    return undefined;
  }
}

/** Whether the connection stays on this machine, where it needs no TLS. */
export function isLocalPostgres({ host }: Pick<PostgresUrl, "host">): boolean {
  return host.startsWith("/") || ["localhost", "127.0.0.1", "::1"].includes(host);
}

function isHost(parameter: string): boolean {
  return parameter === "host";
}
