import { expect, it } from "vitest";
import { fixedWords } from "../../../src/identity/options.ts";

it.each([
  ["Invalid origin: https://evil.example", "Invalid origin"],
  ['Failed to create logout URL for provider "x"', "Failed to create logout URL for provider "],
  ["D1_ERROR: UNIQUE constraint failed: user.email", "D1_ERROR"],
  ["User not found\nann@example.com", "User not found"],
  ["Invalid password", "Invalid password"],
])("the library's log message %j is cut to %j", (message, words) => {
  expect(fixedWords(message)).toBe(words);
});
