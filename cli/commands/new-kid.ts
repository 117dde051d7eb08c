import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { rfc3339, systemClock } from "../../src/base/seconds.ts";
import { devKidPrefix } from "../../src/config/configuration.ts";
import { devRingFile } from "./files.ts";

/** A name for a new key of a ring file. Kids of development say so: a worker of another environment refuses them. */
export function newKid(what: string, file: string): string {
  const day = rfc3339(systemClock()).slice(0, 10);
  const dev = [file, real(file)].includes(devRingFile);
  return `${dev ? devKidPrefix : ""}${what}-${day}-${randomBytes(3).toString("hex")}`;
}

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // it is made in a moment
  }
}
