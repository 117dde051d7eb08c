import { expect, it } from "vitest";
import { originSecretsSchema, readOriginSecrets } from "../../../src/catalog/origin-secrets.ts";

const header = (...hosts: unknown[]) => ({ use: "header", header: "X-Secret", hosts });

it.each([
  ["a host", { A: header("origin.example.com") }],
  ["a host with a port", { A: header("127.0.0.1:8789", "localhost:9000", "[::1]:9000") }],
  ["all subdomains of a host", { A: header("*.s3.eu-central-1.amazonaws.com", "*.example.com:8443") }],
  ["a SigV4 key pair", { S3_KEY: { use: "sigv4", accessKeyId: "S3_ID", hosts: ["bucket.s3.amazonaws.com"] } }],
  ["no secrets at all", {}],
])("originSecretsSchema accepts %s", (_, secrets) => {
  expect(originSecretsSchema.safeParse(secrets).success).toBe(true);
  expect(readOriginSecrets(JSON.stringify(secrets))).toEqual(secrets);
});

it.each([
  ["no hosts", { A: header() }],
  ["any host", { A: header("*") }],
  ["a whole top-level domain", { A: header("*.com") }],
  ["a star elsewhere", { A: header("origin.*.example.com") }, { A: header("*origin.example.com") }],
  ["capitals", { A: header("Origin.example.com") }],
  ["a URL", { A: header("https://origin.example.com") }],
  ["a path", { A: header("origin.example.com/films") }],
  ["a user", { A: header("a@origin.example.com") }],
  ["the default port of HTTPS", { A: header("origin.example.com:443") }],
  ["the service's own name", { STAGEDOOR_KEYS: header("origin.example.com") }],
  ["the service's own name as an id", { A: { use: "sigv4", accessKeyId: "STAGEDOOR_KEYS", hosts: ["a.example"] } }],
  ["a header without a name", { A: { use: "header", hosts: ["a.example"] } }],
  ["two uses", { A: { ...header("a.example"), accessKeyId: "B" } }],
  ["an id of a key that is a header too", { A: { use: "sigv4", accessKeyId: "B", hosts: ["a.b"] }, B: header("a.b") }],
  ["a key as its own id", { A: { use: "sigv4", accessKeyId: "A", hosts: ["a.b"] } }],
  ["a list", []],
])("originSecretsSchema refuses %s, and then no secret is bound", (_, ...documents) => {
  for (const secrets of documents) {
    expect(originSecretsSchema.safeParse(secrets).success).toBe(false);
    expect(readOriginSecrets(JSON.stringify(secrets))).toEqual({});
  }
});
