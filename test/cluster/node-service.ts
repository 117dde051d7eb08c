import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../../cli/lib/project.ts";
import { until } from "./viewer.ts";

/** `npx stagedoor serve` in a folder, for development. */
export interface NodeService {
  readonly apiUrl: string;
  readonly pid: number;
  readonly output: () => string;
  /** A viewer's bearer token, and an operator's. */
  readonly tokens: readonly string[];
  /** By default for the viewer of the printed token. */
  readonly start: (
    asset: string,
    token?: string,
  ) => Promise<{ readonly sessionId: string; readonly manifestUrl: string }>;
  readonly revoke: (body: object) => Promise<number>;
  /** Sends the process a signal, and resolves with its exit code. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

export async function startNodeService(
  folder: string,
  { port, mediaPort }: { readonly port: number; readonly mediaPort: number },
): Promise<NodeService> {
  const program = join(projectRoot, "cli/stagedoor.ts");
  const words = [program, "serve", "--port", `${port}`, "--media-port", `${mediaPort}`];
  const child: ChildProcess = spawn(process.execPath, words, { cwd: folder });
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  child.stderr?.on("data", (chunk) => (output += chunk));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await until(
    () => output,
    (text) => text.includes("Ready.") || child.exitCode !== null,
  );
  if (child.exitCode !== null) throw new Error(`the service did not start: ${output}`);
  const tokens = [...output.matchAll(/^eyJ\S+$/gm)].map(([token]) => token);
  const [viewer = "", operator = ""] = tokens;
  const apiUrl = `http://localhost:${port}`;
  const post = (path: string, token: string, body: object) =>
    fetch(apiUrl + path, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  return {
    apiUrl,
    pid: child.pid ?? 0,
    output: () => output,
    tokens,
    start: async (asset, token = viewer) => {
      const response = await post("/stream/start", token, { asset });
      if (response.status !== 201) throw new Error(`no session: ${response.status} ${await response.text()}`);
      const { sessionId, manifestUrl } = Object(await response.json());
      return { sessionId: String(sessionId), manifestUrl: String(manifestUrl) };
    },
    revoke: async (body) => (await post("/operator/revocations", operator, body)).status,
    stop: (signal = "SIGTERM") => {
      if (child.exitCode === null) child.kill(signal);
      return ended;
    },
  };
}
