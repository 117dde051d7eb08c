import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { faultsAmong, issuerSchema } from "../../../src/auth/issuer.ts";
import { type Pair, rawToken, token as signed } from "../../unit/auth/tokens.ts";
import { folder, json, projectFolder, stagedoor } from "../cli/command-line.ts";
import { commandLinesOf } from "../docs/command-lines.ts";
import { type ProviderShape, providerShapes } from "./provider-shapes.ts";
import { rsaPair, stubProvider } from "./recorded-provider.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await rsaPair();
});
afterEach(() => void vi.unstubAllGlobals());

const shapes = Object.entries(providerShapes);
const exp = Math.floor(Date.now() / 1000) + 600;

/** The issuer entry on a page. */
function entryOn(page: string): unknown {
  const [, block = ""] = /```json\n(\[[\s\S]*?)```/.exec(readFileSync(join(projectFolder, page), "utf8")) ?? [];
  const [entry, ...more] = z.array(z.unknown()).parse(JSON.parse(block));
  expect(more).toEqual([]);
  return entry;
}

/** The words after `npx stagedoor` of each `issuers add` on a page, without --token. */
function commandsOn(page: string): readonly (readonly string[])[] {
  return commandLinesOf(page)
    .map(({ words }) => words.slice(2))
    .filter(([group, verb]) => group === "issuers" && verb === "add")
    .map((words) => words.filter((word, index) => word !== "--token" && words[index - 1] !== "--token"));
}

function tokenOf({ claims, header }: ProviderShape, changes: object, other: Readonly<Record<string, unknown>> = {}) {
  const payload = { aud: undefined, assets: undefined, scope: undefined, ...claims, exp, ...changes };
  if (other.alg !== undefined)
    return rawToken({ typ: "JWT", kid: pair.kid, ...other }, payload, new Uint8Array(other.alg === "none" ? 1 : 32));
  return signed(pair, payload, { typ: "JWT", ...header, ...other });
}

async function add(shape: ProviderShape, words: readonly string[], token: string) {
  stubProvider(shape.responses(pair));
  const place = folder();
  const file = join(place, "issuers.json");
  const input = join(place, "viewer.jwt");
  writeFileSync(input, token);
  const run = await stagedoor(...words, "--file", file, "--token", input);
  return {
    ...run,
    written: existsSync(file) ? z.array(z.unknown()).parse(JSON.parse(readFileSync(file, "utf8"))) : [],
  };
}

describe.each(shapes)("the page for %s", (_, shape) => {
  it("has an entry that the API accepts", () => {
    expect(faultsAmong([issuerSchema.parse(entryOn(shape.page))])).toEqual([]);
  });

  it("begins with the command that writes this entry from the provider's metadata, for a viewer's token", async () => {
    const [words = []] = commandsOn(shape.page);
    const { exit, stdout, written } = await add(shape, words, await tokenOf(shape, {}));
    expect(stdout).toContain("Accepted: starting");
    expect([exit, written]).toEqual([0, [entryOn(shape.page)]]);
  });

  it("has an entry with which the token is explained as acceptable", async () => {
    stubProvider(shape.responses(pair));
    const file = join(folder(), "issuers.json");
    writeFileSync(file, JSON.stringify([entryOn(shape.page)]));
    const explained = await json("token", "--inspect", await tokenOf(shape, {}), "--issuers", file);
    expect(explained).toMatchObject({ exit: 0, verdict: "accepted" });
  });

  const faults = shape.faults.map(([changes, says, header]) => ({ changes, says, header }));
  it.each(faults)("names the fault of a token with $changes: $says", async ({ changes, says, header }) => {
    const [words = []] = commandsOn(shape.page);
    const { exit, stdout, written } = await add(shape, words, await tokenOf(shape, changes, header));
    expect(stdout).toContain(says);
    expect([exit, written]).toEqual([1, []]);
  });
});

const shapeOf = (name: string): ProviderShape => shapes.find(([other]) => other === name)?.[1] ?? expect.fail(name);

describe("the other commands on the pages", () => {
  it("accept a Firebase user by the way of signing in, and no anonymous one", async () => {
    const shape = shapeOf("firebase");
    const [, words = []] = commandsOn(shape.page);
    const without = { scope: undefined, assets: undefined };
    expect((await add(shape, words, await tokenOf(shape, without))).exit).toBe(0);
    const anonymous = { ...without, firebase: { identities: {}, sign_in_provider: "anonymous" } };
    expect((await add(shape, words, await tokenOf(shape, anonymous))).exit).toBe(1);
  });

  it("accept a token of version 1.0 of Entra, whose issuer is not that of its address", async () => {
    const shape = shapeOf("entra");
    const [, words = []] = commandsOn(shape.page);
    const tenant = String(shape.claims.tid);
    const old = { iss: `https://sts.windows.net/${tenant}/`, aud: `api://${shape.claims.aud}`, ver: "1.0" };
    const { exit, written } = await add(shape, words, await tokenOf(shape, old));
    expect([exit, written]).toMatchObject([0, [{ issuer: old.iss, audience: old.aud }]]);
    const without = words.filter((word, index) => word !== "--issuer" && words[index - 1] !== "--issuer");
    const { stderr } = await add(shape, without, await tokenOf(shape, old));
    expect(stderr).toContain(`add --issuer '${old.iss}'`);
  });

  it("are refused for all tenants of Entra at once", async () => {
    const shape = shapeOf("entra");
    const url = "https://login.microsoftonline.com/common/v2.0";
    const words = ["issuers", "add", "--discovery", url, "--audience", "a"];
    const { exit, stderr } = await add(shape, words, await tokenOf(shape, {}));
    expect([exit, stderr]).toEqual([1, expect.stringContaining("That is a template")]);
  });

  it("accept Cognito's scope of a sign-in without OAuth, and Auth0's tokens in the form of RFC 9068", async () => {
    const cognito = shapeOf("cognito");
    const [words = []] = commandsOn(cognito.page);
    const scope = "aws.cognito.signin.user.admin";
    const mapped = words.map((word) => (word === "stagedoor/play=stream:play" ? `${scope}=stream:play` : word));
    expect((await add(cognito, mapped, await tokenOf(cognito, { scope }))).exit).toBe(0);
    const auth0 = shapeOf("auth0");
    const profile = { azp: undefined, client_id: "app-1", jti: "t1", iat: exp - 600 };
    const token = await tokenOf(auth0, profile, { typ: "at+jwt" });
    expect((await add(auth0, commandsOn(auth0.page)[0] ?? [], token)).exit).toBe(0);
  });
});
