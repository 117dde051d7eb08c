import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { identityRoutes } from "../../../cli/docs/api-examples.ts";
import { apiReference, responseExample } from "../../../cli/docs/api-reference.ts";
import { routesAtRoot, routesBelowBase } from "../../../src/api/openapi/document.ts";
import { openRoutes } from "../../../src/identity/route-guard.ts";
import { projectFolder } from "../cli/command-line.ts";

const routes = [routesBelowBase, routesAtRoot].flatMap((table) =>
  Object.entries(table).flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, route]) => ({ name: `${method} ${path}`, ...route })),
  ),
);
const page = apiReference();
const sections = new Map(page.split(/^### /m).map((text) => [text.split("\n", 1)[0], text]));

describe("docs/reference/api.md", () => {
  it("matches the route tables", () => {
    const written = readFileSync(join(projectFolder, "docs/reference/api.md"), "utf8");
    expect(written === page, "the routes changed: run `npm run docs` and review the result").toBe(true);
  });

  it.each(routes)("has a call with curl and in JavaScript, a success and an error for $name", ({ summary, access }) => {
    const section = sections.get(summary) ?? "";
    expect(section).toContain("```sh\ncurl ");
    expect(section).toContain("```js\nconst response = await fetch(");
    expect(section).toMatch(/^HTTP\/1\.1 20\d/m);
    if (access !== "public") expect(section).toMatch(/^Stagedoor-Refusal: /m);
  });

  it.each(routes)("has an example of a response that the schema of $name accepts", ({ id, response: { body } }) => {
    if (body === undefined) return;
    expect(body.schema.safeParse(responseExample(id, body.schema)).error).toBeUndefined();
  });

  it.each(routes)("shows an error that $name refuses with", ({ summary, refusals, access }) => {
    if (access === "public") return;
    const [, code] = /^Stagedoor-Refusal: (\w+)$/m.exec(sections.get(summary) ?? "") ?? [];
    expect(refusals).toContain(code);
  });

  it("has every open route of the identity worker, except the page that shows an error", () => {
    const documented = identityRoutes.map(({ route }) => route);
    expect([...documented, "GET /error"].toSorted()).toEqual([...openRoutes.keys()].toSorted());
  });

  it.each(identityRoutes)("sends only members that $route accepts", ({ route, body, error }) => {
    for (const sent of [body, error?.call.body]) {
      if (typeof sent !== "object" || sent === null) continue;
      expect(openRoutes.get(route)).toEqual(expect.arrayContaining(Object.keys(sent)));
    }
  });
});
