import { refuse } from "../../../src/base/result.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { parseJson } from "../../lib/files.ts";
import { catalogAnswerSchema } from "../../lib/which-catalog.ts";
import type { Facts } from "../facts.ts";
import { deadlineMs } from "./ask.ts";

/** The API that a catalog is read from, and an operator's credential with the scope operator:read. */
export interface CatalogSource {
  readonly apiUrl: string;
  readonly bearer: string;
}

/**
 * The catalog that the API stores, or why it cannot be read. It is not read with `ask`, which keeps only 64 KiB of a
 * response: a catalog may be longer.
 */
export async function deployedCatalog(
  { apiUrl, bearer }: CatalogSource,
  send: typeof fetch,
): Promise<Pick<Facts, "catalog" | "catalogUnread">> {
  const unread = (why: string) => ({ catalog: undefined, catalogUnread: `${why}, so its catalog was not read.` });
  try {
    const response = await send(`${apiUrl}/operator/assets`, {
      headers: { Authorization: `Bearer ${bearer}` },
      redirect: "manual",
      signal: AbortSignal.timeout(deadlineMs),
    });
    const body: unknown = parseJson(await response.text());
    const code: unknown = Object(body).code;
    const said = typeof code === "string" && /^\w{1,64}$/.test(code) ? ` ${code}` : "";
    if (response.status !== 200)
      return unread(`The API ${apiUrl} answers ${response.status}${said} to this operator's credential`);
    const read = catalogAnswerSchema.safeParse(body);
    if (!read.success) return unread(`The API ${apiUrl} answers with something else than a catalog`);
    const { assets, faults } = read.data;
    const catalog = faults.length > 0 ? refuse(faults) : parseCatalog({ version: 1, assets });
    return { catalog: { where: `the catalog of ${apiUrl}`, parsed: catalog }, catalogUnread: undefined };
  } catch {
    // The error is not shown: fetch may quote the address in it.
    return unread(`The API ${apiUrl} does not answer within ${deadlineMs / 1000} s`);
  }
}
