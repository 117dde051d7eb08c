import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFolder, runFile, stagedoor } from "./command-line.ts";

const node = join(projectFolder, "node_modules/.bin/node");
const program = join(projectFolder, "cli/stagedoor.ts");

describe("completion bash", () => {
  const completed = async (line: string) => {
    const words = line.split(" ");
    const { stdout: script } = await stagedoor("completion", "bash");
    const call = `COMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length - 1}; _stagedoor`;
    const { stdout, stderr } = await runFile(
      "/bin/bash",
      ["--norc", "-c", `${script}\n${call}; echo "\${COMPREPLY[*]}"`],
      projectFolder,
      {},
    );
    expect(stderr).toBe("");
    return stdout;
  };

  it.each([
    ["stagedoor ke", "keys"],
    ["stagedoor keys ro", "rotate"],
    ["stagedoor keys new --pur", "--purpose"],
    ["stagedoor token --exp", "--expires-in"],
    ["stagedoor token --subject ann --sco", "--scope"],
    ["stagedoor keys new ", expect.stringContaining("--kid --nbf")],
    ["stagedoor assets ", "list add enforcement remove blackout check"],
    ["stagedoor keys new --ring fil", ""],
  ])("completes '%s'", async (line, words) => {
    expect(await completed(line)).toEqual(words);
  });
});

describe("completion", () => {
  it("prepares zsh for the script of bash", async () => {
    const { stdout } = await stagedoor("completion", "zsh");
    expect(stdout).toMatch(/^autoload .*bashcompinit\n_stagedoor\(\)/);
  });

  it("lists commands, groups and options for fish", async () => {
    const { stdout } = await stagedoor("completion", "fish");
    expect(stdout).toContain("-n __fish_use_subcommand -a 'init dev serve deploy token keys assets");
    expect(stdout).toContain("-n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from new' -l purpose");
  });
});

/** `script` gives a program a terminal. The one of macOS has other options. */
describe.skipIf(!existsSync("/usr/bin/script") || process.platform !== "linux")("on a terminal", () => {
  const onTerminal = (words: string, env: Record<string, string>) => {
    // An environment of its own: Node decides about colour by CI, TMUX, FORCE_COLOR and others as well.
    const set = Object.entries({ PATH: process.env.PATH, TERM: "xterm-256color", ...env });
    const assignments = set.map(([name, value]) => `'${name}=${value}'`);
    const command = ["env", "-i", ...assignments, node, program, words].join(" ");
    return runFile("/usr/bin/script", ["-qec", command, "/dev/null"], projectFolder, process.env);
  };

  it("help has a bold heading, and an error a red first line", async () => {
    const [help, error] = await Promise.all([onTerminal("keys --help", {}), onTerminal("kyes", {})]);
    expect(help.stdout).toContain("\x1b[1mnpx stagedoor keys <command> [options]\x1b[22m");
    expect(error.stdout).toContain('\x1b[31mThere is no command "kyes".');
  });

  it("there is no colour with NO_COLOR", async () => {
    const [help, error] = await Promise.all([
      onTerminal("keys --help", { NO_COLOR: "1" }),
      onTerminal("kyes", { NO_COLOR: "1" }),
    ]);
    expect(help.stdout + error.stdout).toContain("npx stagedoor keys");
    expect(help.stdout + error.stdout).not.toContain("\x1b[");
  });
});
