import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { openApiDocument } from "../../../src/api/openapi/document.ts";

it.each([undefined, "https://api.example"])("the API's description is OpenAPI 3.1, at %s", async (apiUrl) => {
  const document = openApiDocument({ apiUrl, basePath: "/api/v1", mediaUrl: "https://media.example" });
  const validator = new Validator();
  expect(await validator.validate(JSON.parse(JSON.stringify(document)))).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
});

it("an invalid document is reported", async () => {
  const { paths, ...rest } = openApiDocument({ apiUrl: undefined, basePath: "/", mediaUrl: "https://media.example" });
  const spoilt = { ...rest, paths: { ...paths, "/more": { get: { responses: { 200: {} } } } } };
  expect(await new Validator().validate(JSON.parse(JSON.stringify(spoilt)))).toMatchObject({ valid: false });
});
