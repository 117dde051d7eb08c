import { unixSeconds } from "../../../src/base/time.ts";
import type { OriginSecrets } from "../../../src/catalog/origin-secrets.ts";
import { httpOrigin, type OriginFetch } from "../../../src/origin/http-origin.ts";
import type { OriginRequest } from "../../../src/origin/origin.ts";
import { httpOriginOf, sampleAsset } from "../catalog/sample.ts";
import type { SeenRequest } from "./fake-server.ts";

export const secrets: Readonly<Record<string, string>> = {
  ORIGIN_SECRET: "only-the-origin-knows",
  S3_ID: "AKIDEXAMPLE",
  S3_OTHER: "a-third-key-0123456789",
  S3_SECRET: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
export const originSecrets: OriginSecrets = {
  ORIGIN_SECRET: { use: "header", header: "X-Origin-Secret", hosts: ["origin.example"] },
  S3_SECRET: { use: "sigv4", accessKeyId: "S3_ID", hosts: ["origin.example", "*.amazonaws.com"] },
  S3_OTHER: { use: "sigv4", accessKeyId: "UNSET_ID", hosts: ["origin.example"] },
  UNSET_KEY: { use: "sigv4", accessKeyId: "S3_ID", hosts: ["origin.example"] },
  UNSET: { use: "header", header: "X-Origin-Secret", hosts: ["origin.example"] },
};
export const headerAuth = { type: "header", name: "X-Origin-Secret", secret: "ORIGIN_SECRET" };
export const sigv4 = { type: "sigv4", region: "eu-central-1", accessKeyId: "S3_ID", secretAccessKey: "S3_SECRET" };

/** Opens a file at an origin that answers with `respond`. Returns the result and the requests that the origin got. */
export async function openFile(
  respond: (request: SeenRequest, hop: number) => Response | Promise<Response>,
  request: Partial<Omit<OriginRequest, "asset">> & { readonly origin?: Readonly<Record<string, unknown>> } = {},
) {
  const requests: SeenRequest[] = [];
  const fetch: OriginFetch = async (url, { method, headers }) => {
    requests.push({ url, method, headers });
    return respond({ url, method, headers }, requests.length - 1);
  };
  const clock = () => unixSeconds(1_800_000_000);
  const { origin, ...rest } = request;
  const open = httpOrigin({ fetch, clock, secretOf: (name) => secrets[name], originSecrets });
  const asset = sampleAsset({ origin: httpOriginOf(origin) });
  const result = await open({ asset, path: "360p/0.ts", query: "", method: "GET", ...rest });
  return { result, requests, first: requests[0] };
}

export const file = () => new Response("bytes", { headers: { "Content-Length": "5", ETag: '"a"' } });
export const code = ({ result }: Awaited<ReturnType<typeof openFile>>) =>
  result.ok ? result.value.status : result.refusal.code;
export const redirect = (location: string, status = 302) =>
  new Response(null, { status, headers: { Location: location } });
