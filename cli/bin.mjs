#!/usr/bin/env node
// `npx stagedoor`: the sources in a clone, the compiled program in an installed package.
import "./check-node.mjs";
import { existsSync } from "node:fs";

const sources = new URL("./stagedoor.ts", import.meta.url);
await import(existsSync(sources) ? sources.href : new URL("../dist/cli/stagedoor.js", import.meta.url).href);
