import type { Deployment } from "../../../src/deployment/config-schema.ts";
import { configFaultText, readConfig } from "../../../src/deployment/read-config.ts";

/** The deployment that the wrangler.toml files of this repository describe. */
export const defaultConfig = {
  version: 1,
  api: { host: "api.{domain}" },
  cdns: { main: { type: "workers", host: "media.{domain}" } },
  origins: { media: { type: "r2", bucket: "stagedoor-media" } },
  identity: { worker: true },
  environments: {
    staging: { domain: "staging.example.com", kv: "fill-in-staging-kv-id", d1: "fill-in-staging-d1-id" },
    production: { domain: "example.com", kv: "fill-in-production-kv-id", d1: "fill-in-production-d1-id" },
  },
};

/** A valid configuration with these members in place of the default ones. */
export function deploymentWith(members: object): Deployment {
  const read = readConfig(JSON.stringify({ ...defaultConfig, ...members }));
  if (!read.ok) throw new Error(read.refusal.map((fault) => configFaultText("config", fault)).join("\n"));
  return read.value;
}

/** The errors of a configuration with these members, each as `member: advice`. */
export function faultsWith(members: object): readonly string[] {
  const read = readConfig(JSON.stringify({ ...defaultConfig, ...members }));
  return (read.ok ? [] : read.refusal).map(({ member, advice }) => `${member}: ${advice}`);
}

/** The members that make the file one of a Node host, with others in addition. */
export function onNode(host: object = {}): object {
  const issuer = { issuer: "https://id.example.tv", audience: "a", algorithms: ["RS256"] };
  return {
    host: { type: "node", ...host },
    cdns: { main: { type: "node", host: "media.{domain}" } },
    origins: { films: { type: "file", folder: "/srv/films" } },
    identity: { issuers: [{ ...issuer, jwksUri: "https://id.example.tv/jwks" }] },
    environments: { staging: { domain: "staging.example.tv" } },
  };
}
