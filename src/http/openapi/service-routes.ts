import type { DescribedRoutes } from "./described.ts";
import { operator } from "./route-refusals.ts";

/** What stands at the root of the API's host, whatever the base path. */
export const serviceRoutes: DescribedRoutes = {
  "/metrics": {
    GET: {
      id: "metrics",
      tag: "Service",
      summary: "Metrics for Prometheus",
      description: "What all workers have counted, in Prometheus' text format 0.0.4.",
      asks: ["operator:read"],
      answer: { status: 200, description: "Every series with its value.", type: "text/plain" },
      refusals: operator,
    },
  },
  "/health": {
    GET: {
      id: "health",
      tag: "Service",
      summary: "Is this worker configured?",
      description: "Asks nobody else. The media host answers it as well.",
      asks: "anybody",
      answer: { status: 200, description: "It is.", schema: "Health" },
      refusals: [],
    },
  },
  "/ready": {
    GET: {
      id: "ready",
      tag: "Service",
      summary: "Does all that it needs answer?",
      description:
        "Looks at the stores that this worker needs, no more than every two seconds. The media host answers it as well.",
      asks: "anybody",
      answer: { status: 200, description: "All of it does.", schema: "Ready" },
      otherwise: { status: 503, description: "Some of it does not.", schema: "NotReady" },
      refusals: [],
    },
  },
  "/openapi.json": {
    GET: {
      id: "openapi",
      tag: "Service",
      summary: "This description",
      description: "OpenAPI 3.1, made of the code that answers.",
      asks: "anybody",
      answer: { status: 200, description: "The description.", type: "application/json" },
      refusals: [],
    },
  },
  "/docs": {
    GET: {
      id: "docs",
      tag: "Service",
      summary: "The same to read",
      description: "A page without scripts.",
      asks: "anybody",
      answer: { status: 200, description: "The page.", type: "text/html" },
      refusals: [],
    },
  },
};
