import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ignoredFiles } from "../../../cli/init/files-of.ts";
import { folder, json, runFile, stagedoor } from "./command-line.ts";

const repository = folder();
const at = (name: string) => join(repository, name);

beforeAll(async () => {
  expect(await runFile("git", ["init", "--quiet", "."], repository, process.env)).toMatchObject({ exit: 0 });
  writeFileSync(at(".gitignore"), `${ignoredFiles.join("\n")}\n`);
});

describe("a command that writes a secret into a git repository", () => {
  it.each([
    ["keys new --purpose session --ring", "ring.json"],
    ["operator new --name ann --ring RING --out", "ann.token"],
    ["backend new --name web --ring RING --out", "cred.txt"],
    ["keys rotate --introduce --ring", "ring.json"],
  ])("says that git does not ignore its file, and the line that it needs: %s %s", async (line, name) => {
    const ring = at("keys.json");
    await stagedoor("keys", "new", "--purpose", "session", "--ring", ring);
    const words = line.split(" ").map((word) => (word === "RING" ? ring : word));
    const { exit, stderr } = await stagedoor(...words, at(name));
    expect([exit, stderr]).toEqual([0, expect.stringContaining(`git does not ignore ${at(name)}`)]);
    expect(stderr).toContain(`echo '/${name}' >> ${at(".gitignore")}`);
    expect(stderr.match(/Warning/g)).toHaveLength(1);
  });

  it("says nothing about a file that is ignored, as those of init's .gitignore are", async () => {
    const words = ["operator", "new", "--name", "bo", "--ring", at("keys-staging.json")];
    expect(await stagedoor(...words)).toMatchObject({ exit: 0, stderr: "" });
  });

  it("names the files in its JSON", async () => {
    const ring = at("other.json");
    expect(await json("keys", "new", "--purpose", "session", "--ring", ring)).toMatchObject({ notIgnored: [ring] });
  });
});

it("a command that writes a secret outside of a repository says nothing about git", async () => {
  const ring = join(folder(), "ring.json");
  expect(await stagedoor("keys", "new", "--purpose", "session", "--ring", ring)).toMatchObject({ exit: 0, stderr: "" });
});
