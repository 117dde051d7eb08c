import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import { isUnixSeconds, systemClock, systemTimer } from "../../base/time.ts";
import type { CatalogEditing } from "../../catalog/edit-catalog.ts";
import { type EditNotes, editInTurn } from "../../catalog/edit-in-turn.ts";
import { nodeSha256 } from "../node/node-crypto.ts";
import { kvCatalog } from "./object-clients.ts";

const time = z.number().refine(isUnixSeconds);
const headSchema = z.object({
  at: time,
  earlier: z.array(z.object({ name: z.string(), until: time })),
  /** The number of parts that the text is stored in. */
  parts: z.int().min(1),
});

/** Characters per part: a stored value has at most 2 MB, and a character may need two bytes. */
const partLength = 500_000;

export interface CatalogBindings {
  readonly CATALOG: KVNamespace;
}

/**
 * One object makes operators' changes of the catalog one after the other. It stores the text that it wrote last, since
 * KV may return an older one for a minute. Each method returns a `Result`.
 */
export class CatalogEditor extends DurableObject<CatalogBindings> {
  readonly #editing: CatalogEditing;

  constructor(state: DurableObjectState, env: CatalogBindings) {
    super(state, env);
    const { CATALOG } = env;
    this.#editing = editInTurn({
      store: {
        load: kvCatalog(CATALOG),
        save: async (text) => {
          await CATALOG.put("catalog", text);
          return true;
        },
      },
      notes: { read: () => readNotes(state.storage), write: (notes) => writeNotes(state.storage, notes) },
      clock: systemClock,
      timer: systemTimer,
      sha256: nodeSha256,
    });
  }

  read(): Promise<unknown> {
    return this.#editing.read();
  }

  /** The asset as JSON text. */
  put(id: string, asset: string, replace: boolean): Promise<unknown> {
    return this.#editing.put(id, JSON.parse(asset), replace);
  }

  /** The members as JSON text. */
  set(id: string, members: string): Promise<unknown> {
    return this.#editing.set(id, Object(JSON.parse(members)));
  }

  remove(id: string): Promise<unknown> {
    return this.#editing.remove(id);
  }
}

function readNotes({ kv }: DurableObjectStorage): EditNotes | undefined {
  const head = kv.get("head");
  if (head === undefined) return undefined;
  const { at, earlier, parts } = headSchema.parse(head);
  const text = Array.from({ length: parts }, (_, part) => z.string().parse(kv.get(`text ${part}`))).join("");
  return { text, at, earlier };
}

function writeNotes(storage: DurableObjectStorage, { text, at, earlier }: EditNotes): void {
  const { kv } = storage;
  const parts = Math.max(1, Math.ceil(text.length / partLength));
  storage.transactionSync(() => {
    for (const [name] of [...kv.list({ prefix: "text " })]) kv.delete(name);
    for (let part = 0; part < parts; part++)
      kv.put(`text ${part}`, text.slice(part * partLength, (part + 1) * partLength));
    kv.put("head", { at, earlier, parts });
  });
}
