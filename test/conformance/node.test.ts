import { devIssuer } from "../../src/config/configuration.ts";
import { startService } from "./node-service.ts";
import { conformance } from "./suite.ts";

conformance("Node alone", async () => {
  const service = await startService();
  const { ports, lines, reload, stop } = service;
  return {
    apiUrl: `http://localhost:${ports.api}`,
    mediaUrl: `http://localhost:${ports.media}`,
    addressHeader: "X-Forwarded-For",
    issuer: devIssuer,
    get keys() {
      return service.keys;
    },
    log: () => lines().join("\n"),
    deploy: reload,
    stop,
  };
});
