import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { openApiDocument } from "../../../src/api/openapi/document.ts";

it.each([undefined, "https://api.example"])(
  "the API's description is valid OpenAPI 3.1 with the API URL %s",
  async (apiUrl) => {
    const document = openApiDocument({ apiUrl, basePath: "/api/v1", mediaUrl: "https://media.example" });
    const validator = new Validator();
    expect(await validator.validate(JSON.parse(JSON.stringify(document)))).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
  },
);

it("the validator reports an invalid document", async () => {
  const { paths, ...rest } = openApiDocument({ apiUrl: undefined, basePath: "/", mediaUrl: "https://media.example" });
  const invalid = { ...rest, paths: { ...paths, "/more": { get: { responses: { 200: {} } } } } };
  expect(await new Validator().validate(JSON.parse(JSON.stringify(invalid)))).toMatchObject({ valid: false });
});
