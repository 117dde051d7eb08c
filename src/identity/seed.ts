import { betterAuth } from "better-auth";
import { type IdentityParts, identityOptions, oauthScopes } from "./options.ts";

const model = "oauthClient";
const pageSize = 100;

interface ClientRow {
  readonly clientId: string;
  readonly disabled?: boolean | null;
}

/**
 * Writes the configured clients and the resource into the database. Other rows are not changed, except that clients
 * missing from the configuration are disabled. Idempotent; runs once per isolate.
 */
export async function seedIdentity(parts: IdentityParts): Promise<void> {
  const { adapter } = await betterAuth(identityOptions(parts, true)).$context;
  const known = new Set(parts.settings.clients.map(({ clientId }) => clientId));
  const rows = await allRows();
  for (const { clientId, disabled } of rows) {
    if (known.has(clientId) || disabled === true) continue;
    await adapter.update({ model, where: [{ field: "clientId", value: clientId }], update: { disabled: true } });
  }
  for (const { clientId, name, redirectUris } of parts.settings.clients) {
    const data = {
      clientId,
      name: name ?? clientId,
      redirectUris,
      disabled: false,
      tokenEndpointAuthMethod: "none",
      grantTypes: ["authorization_code", "refresh_token"],
      responseTypes: ["code"],
      scopes: oauthScopes,
      requirePKCE: true,
      // The operator's own app: signing in is the consent.
      skipConsent: true,
      updatedAt: new Date(),
    };
    const where = [{ field: "clientId", value: clientId }];
    if (rows.some((row) => row.clientId === clientId)) await adapter.update({ model, where, update: data });
    else await createOnce(() => adapter.create({ model, data: { ...data, createdAt: new Date() } }), clientId);
  }

  /** Page by page, because the adapter returns at most a hundred rows by default. */
  async function allRows(): Promise<ClientRow[]> {
    const rows: ClientRow[] = [];
    for (;;) {
      const sortBy = { field: "clientId", direction: "asc" } as const;
      const page = await adapter.findMany<ClientRow>({ model, sortBy, limit: pageSize, offset: rows.length });
      rows.push(...page);
      if (page.length < pageSize) return rows;
    }
  }

  /** Two isolates may start at once: the second one finds the row in place. */
  async function createOnce(create: () => Promise<unknown>, clientId: string): Promise<void> {
    try {
      await create();
    } catch (error) {
      const where = [{ field: "clientId", value: clientId }];
      if ((await adapter.findOne({ model, where })) === null) throw error;
    }
  }
}
