import { APIError } from "better-auth/api";

/** What a hook throws where a store is down, so that what was asked for is not done. */
export function unavailable(): APIError {
  return new APIError("SERVICE_UNAVAILABLE", { code: "STORE_UNAVAILABLE" });
}

/** What `work` comes to, or {@link unavailable} where it rejects. */
export async function fromStore<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch {
    throw unavailable();
  }
}
