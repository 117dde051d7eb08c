import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { filesBelow } from "../../../cli/local/cluster.ts";
import { folder } from "./command-line.ts";

it("npx stagedoor dev copies no file outside of a folder, and names the links that it skips", () => {
  const [media, outside] = [folder(), folder()];
  writeFileSync(join(outside, "secret"), "secret");
  mkdirSync(join(media, "film/720p"), { recursive: true });
  for (const name of ["film/index.m3u8", "film/720p/1.ts"]) writeFileSync(join(media, name), "");
  symlinkSync(outside, join(media, "film/folder"));
  symlinkSync(join(outside, "secret"), join(media, "film/file"));
  symlinkSync("nowhere", join(media, "broken"));
  expect(filesBelow(media)).toEqual({
    files: ["film/720p/1.ts", "film/index.m3u8"],
    links: ["broken", "film/file", "film/folder"],
  });
});
