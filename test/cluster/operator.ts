import { operatorSigningKey, signOperatorToken } from "../../cli/lib/operator-api.ts";
import { type OperatorScope, operatorScopes } from "../../src/auth/operator-token.ts";
import { seconds } from "../../src/base/time.ts";
import type { TestCluster } from "./test-cluster.ts";
import { type Answer, answerOf } from "./viewer.ts";

/** An operator with a token signed by the ring's own key. */
export async function operatorOf(
  { apiUrl, keys }: Pick<TestCluster, "apiUrl" | "keys">,
  name: string,
  scopes: readonly OperatorScope[] = operatorScopes,
) {
  const key = operatorSigningKey({ keys });
  if (key === undefined) throw new Error("the ring has no operator key");
  const { token } = await signOperatorToken(key, { name, scopes, lifetime: seconds(900) });
  const headers = { Authorization: `Bearer ${token}` };
  return {
    token,
    revoke: (body: object): Promise<Answer> =>
      answerOf(fetch(`${apiUrl}/operator/revocations`, { method: "POST", headers, body: JSON.stringify(body) })),
  };
}
