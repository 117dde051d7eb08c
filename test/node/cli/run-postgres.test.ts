import { describe, expect, it } from "vitest";
import { postgresAddress } from "../../../cli/local/run-postgres.ts";
import { deploymentWith, onNode } from "../../unit/deployment/example-config.ts";

/** The address of a database by its members of the file. */
function addressOf(postgres: object, isDevelopment = false) {
  const { config } = deploymentWith({ ...onNode({ postgres }), identity: { worker: true } });
  return postgresAddress(config, isDevelopment ? undefined : "production", {
    STAGEDOOR_POSTGRES_PASSWORD: "of-the-secrets",
  });
}

describe("the address of host.postgres", () => {
  it("has the environment in its name, the password of the secrets, and TLS except to this machine", () => {
    expect(addressOf({ url: "postgres://tv@db.internal/tv_{environment}" })).toEqual({
      url: "postgres://tv@db.internal/tv_production",
      password: "of-the-secrets",
      tls: true,
      ca: undefined,
    });
    for (const url of [
      "postgres://tv@localhost/tv",
      "postgres://tv@[::1]/tv",
      "postgres://tv@localhost/tv?host=/run/pg",
    ])
      expect(addressOf({ url })).toMatchObject({ tls: false });
    expect(addressOf({ url: "postgres://tv@localhost/tv", tls: true })).toMatchObject({ tls: true });
    expect(addressOf({ url: "postgres://tv@db/tv", tls: false })).toMatchObject({ tls: false });
  });

  it("is not used in development", () => {
    expect(addressOf({ url: "postgres://tv@db/tv" }, true)).toBe(undefined);
  });

  it("names a file of certificates that cannot be read", () => {
    expect(addressOf({ url: "postgres://tv@db/tv", ca: "no-such-file.pem" })).toMatch(
      /^host\.postgres\.ca: \/.*no-such-file\.pem cannot be read: .*Correct the path in stagedoor\.config\.json\.$/,
    );
  });
});
