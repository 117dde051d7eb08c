/**
 * AWS Signature Version 4 of a GET without a body, written after AWS's "Create a signed AWS API request" and independent
 * of the library under test. `path` and `query` are canonical already.
 */
export async function expectedSignature(request: {
  readonly secret: string;
  readonly region: string;
  readonly service: string;
  readonly datetime: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}): Promise<string> {
  const { secret, region, service, datetime, host, path, query } = request;
  const date = datetime.slice(0, 8);
  const payload = service === "s3" ? "UNSIGNED-PAYLOAD" : await sha256("");
  const lines =
    service === "s3"
      ? [`host:${host}`, `x-amz-content-sha256:${payload}`, `x-amz-date:${datetime}`]
      : [`host:${host}`, `x-amz-date:${datetime}`];
  const names = lines.map((line) => line.slice(0, line.indexOf(":"))).join(";");
  const canonical = ["GET", encodedAgain(path, service), query, ...lines, "", names, payload].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", datetime, scope, await sha256(canonical)].join("\n");
  let key: Uint8Array<ArrayBuffer> = new TextEncoder().encode(`AWS4${secret}`);
  for (const part of [date, region, service, "aws4_request"]) key = await hmac(key, part);
  return hex(await hmac(key, text));
}

/** Every service except S3 requires the path to be encoded twice. */
function encodedAgain(path: string, service: string): string {
  return service === "s3" ? path : path.split("/").map(encodeURIComponent).join("/");
}

async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, new TextEncoder().encode(text)));
}

async function sha256(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
