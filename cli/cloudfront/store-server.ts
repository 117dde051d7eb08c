import { createECDH, createHash, createHmac, createPublicKey, verify } from "node:crypto";
import type { EmulatedStore, UpdateFault } from "./key-value-store.ts";

interface EmulatedAccount {
  readonly store: EmulatedStore;
  readonly arn: string;
  /** The credentials that may read and write it. */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const statuses: Readonly<Record<UpdateFault | "AccessDeniedException", number>> = {
  AccessDeniedException: 403,
  ConflictException: 409,
  ResourceNotFoundException: 404,
  ServiceQuotaExceededException: 402,
  ValidationException: 400,
};

/** The keys of a page, unless the request names fewer. */
const [defaultPage, largestPage] = [10, 50];

/**
 * An emulation of the data API of a KeyValueStore over HTTP: DescribeKeyValueStore, ListKeys and UpdateKeys, with AWS's
 * paths, headers and exceptions. It verifies the signature of each request (SigV4A).
 */
export function answerStore({ store, arn, ...credentials }: EmulatedAccount) {
  const path = `/key-value-stores/${encodeURIComponent(arn)}`;
  return async (request: Request): Promise<Response> => {
    const body = await request.text();
    if (!isSigned(request, body, credentials)) return failure("AccessDeniedException");
    const { pathname, searchParams } = new URL(request.url);
    const isOfKeys = pathname === `${path}/keys`;
    if (request.method === "GET" && pathname === path) return describe(store, arn);
    if (request.method === "GET" && isOfKeys) return list(store, searchParams);
    if (request.method === "POST" && isOfKeys) return update(store, request.headers.get("if-match"), body);
    return failure("ResourceNotFoundException");
  };
}

function describe(store: EmulatedStore, KvsARN: string): Response {
  const { etag, itemCount: ItemCount, totalSizeInBytes: TotalSizeInBytes } = store.describe();
  const body = { ItemCount, TotalSizeInBytes, KvsARN, Created: 1_700_000_000, Status: "READY" };
  return Response.json(body, { headers: { ETag: etag } });
}

function list(store: EmulatedStore, query: URLSearchParams): Response {
  const size = Number(query.get("MaxResults") ?? defaultPage);
  if (!Number.isInteger(size) || size < 1 || size > largestPage) return failure("ValidationException");
  const from = Number(query.get("NextToken") ?? 0);
  const items = [...store.list()].map(([Key, Value]) => ({ Key, Value }));
  const next = from + size < items.length ? { NextToken: String(from + size) } : {};
  return Response.json({ Items: items.slice(from, from + size), ...next });
}

interface UpdateBody {
  readonly Puts?: readonly { readonly Key: string; readonly Value: string }[];
  readonly Deletes?: readonly { readonly Key: string }[];
}

function update(store: EmulatedStore, ifMatch: string | null, body: string): Response {
  if (ifMatch === null) return failure("ValidationException");
  const { Puts = [], Deletes = [] }: UpdateBody = JSON.parse(body);
  const puts = Puts.map(({ Key: key, Value: value }) => ({ key, value }));
  const written = store.update({ puts, deletes: Deletes.map(({ Key }) => Key) }, ifMatch);
  if (!written.ok) return failure(written.refusal);
  const { itemCount: ItemCount, totalSizeInBytes: TotalSizeInBytes } = store.describe();
  return Response.json({ ItemCount, TotalSizeInBytes }, { headers: { ETag: written.value } });
}

function failure(name: keyof typeof statuses): Response {
  const headers = { "x-amzn-ErrorType": name };
  return Response.json({ Message: "emulated" }, { status: statuses[name], headers });
}

const algorithm = "AWS4-ECDSA-P256-SHA256";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Whether a request has a valid signature of Signature Version 4A for every region. */
function isSigned(request: Request, body: string, credentials: Omit<EmulatedAccount, "store" | "arn">): boolean {
  const { headers, method } = request;
  const url = new URL(request.url);
  const form = new RegExp(`^${algorithm} Credential=([^/]+)/(.+), SignedHeaders=(.+), Signature=([0-9a-f]+)$`);
  const [, id, scope = "", names = "", signature = ""] = form.exec(headers.get("authorization") ?? "") ?? [];
  const date = headers.get("x-amz-date") ?? "";
  const signed = names.split(";");
  const isScoped = scope === `${date.slice(0, 8)}/cloudfront-keyvaluestore/aws4_request`;
  const covers = ["host", "x-amz-date", "x-amz-region-set"].every((name) => signed.includes(name));
  if (id !== credentials.accessKeyId || !isScoped || !covers || headers.get("x-amz-region-set") !== "*") return false;
  if (method === "POST" && !signed.includes("if-match")) return false;
  const query = [...url.searchParams].map((pair) => pair.map(encodeURIComponent).join("=")).toSorted();
  // The path is escaped again, as for every service except S3.
  const path = url.pathname.split("/").map(encodeURIComponent).join("/");
  const lines = signed.map((name) => `${name}:${name === "host" ? url.host : headers.get(name)}`);
  const request4 = [method, path, query.join("&"), ...lines, "", names, sha256(body)].join("\n");
  const text = [algorithm, date, scope, sha256(request4)].join("\n");
  return verify("sha256", Buffer.from(text), signingKey(credentials), Buffer.from(signature, "hex"));
}

/** The public half of the key that SigV4A derives from a secret access key (NIST SP 800-108, in counter mode). */
function signingKey({ accessKeyId, secretAccessKey }: Omit<EmulatedAccount, "store" | "arn">) {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const fixed = Buffer.concat([Buffer.from(`\0\0\0\x01${algorithm}\0${accessKeyId}\x01`), Buffer.from([0, 0, 1, 0])]);
  const candidate = BigInt(`0x${createHmac("sha256", `AWS4A${secretAccessKey}`).update(fixed).digest("hex")}`);
  // One of about four thousand million keys needs another counter.
  if (candidate > order - 2n) throw new Error("choose another secret access key");
  const curve = createECDH("prime256v1");
  curve.setPrivateKey((candidate + 1n).toString(16).padStart(64, "0"), "hex");
  const point = curve.getPublicKey();
  const coordinate = (from: number) => point.subarray(from, from + 32).toString("base64url");
  return createPublicKey({ key: { kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(33) }, format: "jwk" });
}
