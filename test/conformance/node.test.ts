import { startNodeService } from "./node-service.ts";
import { conformance } from "./suite.ts";

conformance("Node alone", startNodeService);
