import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readArguments } from "../../../cli/lib/command.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { serveCommand } from "../../../cli/local/run-commands.ts";
import { nginxCommand } from "../../../cli/nginx/nginx-command.ts";

const folder = join(projectRoot, "examples/self-hosted");
const textOf = (file: string) => readFileSync(join(folder, file), "utf8");
const instructions = textOf("Dockerfile")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
const compose = parse(textOf("compose.yaml"), { merge: true });
const program = ["node", "node_modules/stagedoor/cli/bin.mjs"];

/** Refuses an option that the command does not have. */
function checkWords([name, ...words]: readonly string[]): void {
  const command = [serveCommand, nginxCommand].find((one) => one.name === name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  readArguments(command, words);
}

const listOf = (line: string | undefined): readonly string[] => JSON.parse(line?.replace(/^[A-Z]+ /, "") ?? "[]");

describe("the Dockerfile of a self-hosted deployment", () => {
  it("installs the exact versions of the lock file, and runs Node itself as a user without rights", () => {
    expect(instructions.filter((line) => /npm (install|i|update)\b/.test(line))).toEqual([]);
    expect(instructions).toContain("RUN npm ci --omit=dev --no-audit --no-fund");
    const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith("FROM ")));
    expect(last.filter((line) => line.startsWith("USER "))).toEqual(["USER node"]);
    expect(listOf(last.find((line) => line.startsWith("ENTRYPOINT ")))).toEqual(program);
    checkWords(listOf(last.find((line) => line.startsWith("CMD "))));
  });

  it("has only instructions of Docker, and copies no keys and no secrets", () => {
    const known = /^(FROM|WORKDIR|COPY|RUN|ENV|USER|VOLUME|EXPOSE|ENTRYPOINT|CMD) /;
    expect(instructions.filter((line) => !known.test(line))).toEqual([]);
    const ignored = textOf("Dockerfile.dockerignore").split("\n").slice(1).filter(Boolean);
    expect(ignored).toEqual(["*", "!package.json", "!package-lock.json", "!stagedoor.config.json"]);
    const copied = instructions.filter((line) => line.startsWith("COPY ") && !line.includes("--from"));
    for (const line of copied) for (const name of line.split(" ").slice(1, -1)) expect(ignored).toContain(`!${name}`);
  });
});

describe("compose.yaml of a self-hosted deployment", () => {
  it("runs commands that the program has, with a health check of each service except nginx", () => {
    for (const name of ["api", "media"]) checkWords(compose.services[name].command);
    const checked = Object.keys(compose.services).filter((name) => compose.services[name].healthcheck !== undefined);
    expect(checked).toEqual(["api", "media", "redis", "postgres"]);
  });

  it("names only services, volumes, networks and secrets that it has, and publishes nginx's port alone", () => {
    const named = (value: unknown): readonly string[] => (Array.isArray(value) ? value : Object.keys(Object(value)));
    for (const [name, service] of Object.entries<Record<string, unknown>>(compose.services)) {
      expect(Object.keys(compose.services)).toEqual(expect.arrayContaining([...named(service.depends_on)]));
      expect(Object.keys(compose.networks)).toEqual(expect.arrayContaining([...named(service.networks)]));
      expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining([...named(service.secrets)]));
      const volumes = named(service.volumes).map((volume) => volume.split(":")[0] ?? "");
      expect(Object.keys(compose.volumes)).toEqual(
        expect.arrayContaining(volumes.filter((volume) => !/^[./]/.test(volume))),
      );
      expect([name, named(service.ports)]).toEqual([name, name === "nginx" ? ["443:443"] : []]);
    }
  });

  it("checks the health of a service by a program that fails unless /ready answers with success", async () => {
    const [kind, command, flag, script] = compose.services.api.healthcheck.test;
    expect([kind, command, flag]).toEqual(["CMD", "node", "-e"]);
    const onPort1 = String(script).replace(":8787", ":1");
    expect(spawnSync(process.execPath, ["-e", onPort1]).status).toBe(1);
  });
});

describe("the systemd unit of a self-hosted deployment", () => {
  const unit = textOf("stagedoor.service");
  const start = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];

  it("runs Node itself with options that the program has, and reloads by SIGHUP", () => {
    expect(start.slice(0, 2)).toEqual(["/usr/bin/node", program[1]]);
    checkWords(start.slice(2));
    expect(unit).toMatch(/^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
    expect(unit).toMatch(/^KillMode=mixed$/m);
  });

  const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
  it.skipIf(!hasSystemd)("is valid for systemd-analyze (install it with: apt-get install systemd)", () => {
    const own = mkdtempSync(join(tmpdir(), "stagedoor-unit-"));
    try {
      const file = join(own, "stagedoor.service");
      writeFileSync(file, unit.replace("/usr/bin/node", process.execPath));
      const output = execFileSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8", stdio: "pipe" });
      expect(output).toBe("");
    } finally {
      rmSync(own, { recursive: true });
    }
  });
});

it("the README of the self-hosted files names each of them", () => {
  const readme = textOf("README.md");
  for (const file of readdirSync(folder).filter((name) => !/^(README|Dockerfile)/.test(name)))
    expect(readme).toContain(file);
});
