/** The `stagedoor.config.json` of a deployment on Node: films in the folder `films`, and an issuer that no test asks. */
export const nodeDeployment = {
  version: 1,
  host: { type: "node" },
  api: { host: "api.{domain}" },
  cdns: { main: { type: "node", host: "media.{domain}" } },
  origins: { films: { type: "file", folder: "films" } },
  identity: {
    issuers: [
      {
        issuer: "https://id.stagedoor.test/",
        audience: "tv",
        algorithms: ["ES256"],
        jwksUri: "https://id.stagedoor.test/jwks",
      },
    ],
  },
  environments: { production: { domain: "tv.stagedoor.test" } },
} as const;
