import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { freePort } from "../../cli/lib/ports.ts";

/** The folder of PostgreSQL's programs: Debian keeps them out of the PATH. */
const programs = programFolder();

/** Why tests with a real PostgreSQL are skipped; undefined if they can run. */
export const noPostgres: string | undefined =
  programs === undefined ? "postgresql is not installed (.ci/install-servers): nothing ran on PostgreSQL" : undefined;

/** A private PostgreSQL, which asks every user for a password. */
export interface PostgresServer {
  readonly port: number;
  /** The address of a database, for its superuser or another user, without a password. */
  readonly url: (database: string, user?: string) => string;
  /** The password of its superuser. */
  readonly password: string;
  /** Runs SQL as the superuser. */
  readonly query: (database: string, sql: string) => Promise<readonly unknown[]>;
  /** Ends it at once, with its connections. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  /** Ends it and removes its folder. */
  readonly remove: () => Promise<void>;
}

const superuser = "stagedoor";

/** Starts a PostgreSQL on a free port of this machine. It refuses root, which therefore becomes the user postgres. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-postgres-"));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    const [uid, gid] = ["-u", "-g"].map((option) =>
      Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" })),
    );
    if (uid === undefined || gid === undefined) throw new Error("there is no user postgres");
    chownSync(folder, uid, gid);
  }
  const as = (program: string, words: readonly string[]): readonly [string, string[]] => {
    const file = join(programs ?? "", program);
    return isRoot
      ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", file, ...words]]
      : [file, [...words]];
  };
  const password = crypto.randomUUID();
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const data = join(folder, "data");
  const options = ["-D", data, "-U", superuser, "-A", "scram-sha-256", "--pwfile", passwordFile, "--no-sync"];
  execFileSync(...as("initdb", [...options, "--no-instructions"]), { stdio: "ignore", cwd: folder });
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB"];
  let running: ChildProcess;
  const start = async () => {
    const words = ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])];
    running = spawn(...as("postgres", words), { stdio: ["ignore", "ignore", "pipe"], cwd: folder });
    await accepting(running);
  };
  /** SIGQUIT: at once, without waiting for clients. */
  const stop = () => {
    if (running.exitCode !== null || running.signalCode !== null) return Promise.resolve();
    return new Promise<void>((resolve) => {
      running.once("exit", () => resolve());
      running.kill("SIGQUIT");
    });
  };
  await start();
  return {
    port,
    password,
    url: (database, user = superuser) => `postgres://${user}@127.0.0.1:${port}/${database}`,
    query: async (database, sql) => {
      const client = new Client({ host: "127.0.0.1", port, user: superuser, password, database });
      await client.connect();
      try {
        return (await client.query<object>(sql)).rows;
      } finally {
        await client.end();
      }
    },
    stop,
    start,
    remove: async () => {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function accepting(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    server.stderr?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("database system is ready to accept connections")) resolve();
    });
    server.once("exit", (code) => reject(new Error(`postgres ended with ${code}: ${output}`)));
  });
}

function programFolder(): string | undefined {
  const versions = "/usr/lib/postgresql";
  const debian = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, "bin")) : [];
  const folders = [...debian, ...(process.env.PATH ?? "").split(":")];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}
