import { DurableObject } from "cloudflare:workers";

/** Where operators' changes of the catalog take turns. */
export class CatalogObject extends DurableObject {}
