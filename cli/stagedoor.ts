#!/usr/bin/env node
import { dispatch } from "./dispatch.ts";
import { printed } from "./lib/command.ts";

const words = process.argv.slice(2);
const outcome = await dispatch(words, (line) => console.error(line));
const { stdout, stderr } = printed(outcome, words.includes("--json"));
if (stdout !== "") console.log(stdout);
if (stderr !== "") console.error(stderr);
process.exitCode = outcome.exit;
