import { DurableObject } from "cloudflare:workers";

/** Where the counts of all isolates come together. */
export class MetricsObject extends DurableObject {}
