import { refuse } from "../../../src/base/result.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { parseJson } from "../../lib/files.ts";
import { catalogResponseSchema } from "../../lib/which-catalog.ts";
import type { Facts } from "../facts.ts";
import { timeoutMs } from "./probe.ts";

/** The API that the catalog is read from, and an operator's credential with the scope operator:read. */
export interface CatalogSource {
  readonly apiUrl: string;
  readonly bearer: string;
}

/** The catalog that the API stores, or why it cannot be read. A probe reads only 64 KiB, and a catalog may be longer. */
export async function deployedCatalog(
  { apiUrl, bearer }: CatalogSource,
  send: typeof fetch,
): Promise<Pick<Facts, "catalog" | "catalogUnread">> {
  const unread = (reason: string) => ({ catalog: undefined, catalogUnread: `${reason}, so its catalog was not read.` });
  try {
    const response = await send(`${apiUrl}/operator/assets`, {
      headers: { Authorization: `Bearer ${bearer}` },
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body: unknown = parseJson(await response.text());
    const code: unknown = Object(body).code;
    const suffix = typeof code === "string" && /^\w{1,64}$/.test(code) ? ` ${code}` : "";
    if (response.status !== 200)
      return unread(`The API ${apiUrl} answers ${response.status}${suffix} to this operator's credential`);
    const parsed = catalogResponseSchema.safeParse(body);
    if (!parsed.success) return unread(`The response of the API ${apiUrl} is not a catalog`);
    const { assets, faults } = parsed.data;
    const catalog = faults.length > 0 ? refuse(faults) : parseCatalog({ version: 1, assets });
    return { catalog: { where: `the catalog of ${apiUrl}`, parsed: catalog }, catalogUnread: undefined };
  } catch {
    // The error is dropped: fetch may quote the address in it.
    return unread(`The API ${apiUrl} does not answer within ${timeoutMs / 1000} s`);
  }
}
