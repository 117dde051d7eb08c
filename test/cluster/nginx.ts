import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { projectRoot } from "../../cli/lib/project.ts";
import { runFile } from "../node/cli/command-line.ts";
import { until } from "./viewer.ts";

const hasModule = ["/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/etc/nginx/modules"].some((folder) =>
  existsSync(join(folder, "ngx_http_js_module.so")),
);

/** Why tests with nginx are skipped; undefined if it and njs are installed. */
export const nginxMissing =
  spawnSync("nginx", ["-v"]).status === 0 && hasModule
    ? undefined
    : "nginx with njs is not installed (.ci/install-servers, or apt-get install nginx libnginx-mod-http-js)";

/** A private nginx with the configuration that `npx stagedoor nginx` writes in a deployment's folder. */
export interface Nginx {
  readonly url: string;
  /** Its master process. */
  readonly pid: number;
  /** Writes the configuration again, with these options in addition, and reloads nginx. */
  readonly reload: (...more: readonly string[]) => Promise<void>;
  /** Everything that nginx has logged. */
  readonly logs: () => { readonly access: string; readonly error: string };
  readonly stop: () => Promise<void>;
}

export interface NginxOptions {
  readonly port: number;
  readonly mediaPort: number;
  readonly mediaAddress?: string;
  /** Options of `npx stagedoor nginx` in addition. */
  readonly words?: readonly string[];
  /** The text of a configuration that includes the generated files of `out`, in place of the complete one. */
  readonly configuration?: (out: string) => string;
  /** Directives outside of the configuration, such as `user root;`. */
  readonly globals?: string;
}

/** `folder` is the deployment's; nginx runs in its folder `nginx`, in front of the media host at `mediaPort`. */
export async function startNginx(
  folder: string,
  { port, mediaPort, mediaAddress = "127.0.0.1", words: more = [], configuration, globals = "" }: NginxOptions,
): Promise<Nginx> {
  const out = join(folder, "nginx");
  const cache = join(folder, "cache");
  const admissions = join(folder, "admissions");
  mkdirSync(cache, { recursive: true });
  const program = join(projectRoot, "cli/stagedoor.ts");
  const words = [
    "--out",
    out,
    "--node",
    `${mediaAddress}:${mediaPort}`,
    "--listen",
    `127.0.0.1:${port}`,
    "--cache",
    cache,
    "--admissions",
    admissions,
    ...more,
  ];
  const write = async (...added: readonly string[]) => {
    const run = await runFile(process.execPath, [program, "nginx", ...words, ...added], folder, process.env);
    if (run.exit !== 0) throw new Error(`no configuration: ${run.stderr}`);
  };
  await write();
  const file = configuration === undefined ? join(out, "nginx.conf") : join(folder, "nginx-of-test.conf");
  if (configuration !== undefined) writeFileSync(file, configuration(out));
  const child: ChildProcess = spawn("nginx", ["-c", file, "-g", `daemon off; ${globals}`]);
  let output = "";
  child.stderr?.on("data", (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  await until(() => child.exitCode !== null || accepts(port), Boolean);
  if (child.exitCode !== null) throw new Error(`nginx did not start: ${output}`);
  const logged = (name: string) => readFileSync(join(out, name), "utf8");
  return {
    url,
    pid: child.pid ?? 0,
    reload: async (...added) => {
      await write(...added);
      const run = spawnSync("nginx", ["-c", file, "-g", globals, "-s", "reload"], { encoding: "utf8" });
      if (run.status !== 0) throw new Error(`no reload: ${run.stderr}`);
    },
    logs: () => ({ access: logged("access.log"), error: output }),
    stop: async () => {
      if (child.exitCode === null) child.kill("SIGTERM");
      await ended;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => socket.end(() => resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
