import { expect, it } from "vitest";
import { seedIdentity } from "../../../src/identity/seed.ts";
import { identityStage } from "./stage.ts";

const client = (number: number) => ({ clientId: `app-${number}`, redirectUris: ["com.example.app:/callback"] });

it("seedIdentity disables every client that the configuration no longer names", async () => {
  const many = Array.from({ length: 205 }, (_, number) => client(number));
  const { database, parts } = await identityStage({ clients: many });
  const enabled = () => database.prepare("SELECT clientId FROM oauthClient WHERE NOT disabled").all().map(Object);
  expect(enabled()).toHaveLength(205);
  await seedIdentity({ ...parts, settings: { ...parts.settings, clients: [client(7)] } });
  expect(enabled()).toEqual([{ clientId: "app-7" }]);
  await seedIdentity({ ...parts, settings: { ...parts.settings, clients: many } });
  expect(enabled()).toHaveLength(205);
});
