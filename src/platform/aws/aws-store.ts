import type { CloudFrontKeyValueStoreClientConfig } from "@aws-sdk/client-cloudfront-keyvaluestore";
import { ok, refuse } from "../../base/result.ts";
import { type Seconds, seconds } from "../../base/time.ts";
import type { WritableStore } from "../../cloudfront/keep-in-step.ts";

export interface AwsStoreParts {
  /** The store's ARN. */
  readonly arn: string;
  /** Node's chain of providers by default: the environment, a profile, a role of the machine. A Worker has no chain. */
  readonly credentials?: NonNullable<CloudFrontKeyValueStoreClientConfig["credentials"]>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The longest time of one call with its repetitions; 10 s. */
  readonly timeout?: Seconds;
  /** In place of AWS's, for tests. The account's number and a dot are added in front of the host. */
  readonly endpoint?: string;
}

/** The modules of AWS's client, which only the writer of a store loads. */
async function loadClient() {
  // The client finds the signer of SigV4A only if it was loaded.
  await import("@aws-sdk/signature-v4a");
  return import("@aws-sdk/client-cloudfront-keyvaluestore");
}

/** The most keys of a page, and the most pages: 5 MB of entries with a few bytes each. */
const pageSize = 50;
const mostPages = 20_000;

/**
 * A KeyValueStore by AWS's client, whose requests are signed with SigV4A. The methods reject with the name of AWS's
 * exception and what to do. AWS's own messages are not passed on, because they can quote a request with its token.
 */
export async function openAwsStore(parts: AwsStoreParts): Promise<WritableStore> {
  const { arn: KvsARN, credentials, endpoint, timeout = seconds(10) } = parts;
  const aws = await loadClient();
  const client = new aws.CloudFrontKeyValueStoreClient({
    // A KeyValueStore is global, and its requests are signed for all regions; the client wants one nevertheless.
    region: "us-east-1",
    requestHandler: fetchHandler(parts.fetch),
    ...(credentials !== undefined && { credentials }),
    ...(endpoint !== undefined && { endpoint }),
  });

  const call = async <Output>(action: StoreAction, send: (abortSignal: AbortSignal) => Promise<Output>) => {
    const deadline = new AbortController();
    const late = Promise.withResolvers<never>();
    // Not AbortSignal.timeout: that would run on after the answer, and keep a Durable Object awake.
    const timer = setTimeout(() => {
      deadline.abort();
      // What waits for credentials does not see the signal.
      late.reject(new Error("late"));
    }, timeout * 1000);
    try {
      return await Promise.race([send(deadline.signal), late.promise]);
    } catch (error) {
      const why = deadline.signal.aborted ? `no answer within ${timeout} s` : describe(error);
      throw new Error(`${action}: ${why}`);
    } finally {
      clearTimeout(timer);
    }
  };

  const etagOf = (action: StoreAction, etag: string | undefined): string => {
    if (etag === undefined) throw new Error(`${action}: the response has no ETag`);
    return etag;
  };

  const currentEtag = async () => {
    const described = await call("DescribeKeyValueStore", (abortSignal) =>
      client.send(new aws.DescribeKeyValueStoreCommand({ KvsARN }), { abortSignal }),
    );
    return etagOf("DescribeKeyValueStore", described.ETag);
  };

  return {
    etag: currentEtag,
    read: async () => {
      const etag = await currentEtag();
      const entries = new Map<string, string>();
      let NextToken: string | undefined;
      let pages = 0;
      do {
        if (++pages > mostPages) throw new Error(`ListKeys: more than ${mostPages} pages, so they have no end`);
        const page = await call("ListKeys", (abortSignal) =>
          client.send(new aws.ListKeysCommand({ KvsARN, MaxResults: pageSize, NextToken }), { abortSignal }),
        );
        for (const { Key, Value } of page.Items ?? []) if (Key !== undefined) entries.set(Key, Value ?? "");
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      // A write in the meantime changed the ETag, so that the first update finds the conflict.
      return { etag, entries };
    },
    update: async ({ puts, deletes }, IfMatch) => {
      const Puts = puts.map(({ key: Key, value: Value }) => ({ Key, Value }));
      const Deletes = deletes.map((Key) => ({ Key }));
      const input = { KvsARN, IfMatch, ...(Puts.length > 0 && { Puts }), ...(Deletes.length > 0 && { Deletes }) };
      const written = await call("UpdateKeys", (abortSignal) =>
        client.send(new aws.UpdateKeysCommand(input), { abortSignal }).catch((error: unknown) => {
          // A deleted entry that another writer has already removed is a conflict as well.
          if (nameOf(error) === "ConflictException" || nameOf(error) === "ResourceNotFoundException") return undefined;
          throw error;
        }),
      );
      return written === undefined ? refuse("conflict") : ok(etagOf("UpdateKeys", written.ETag));
    },
  };
}

/** What AWS's policies call the requests, after `cloudfront-keyvaluestore:`. */
type StoreAction = "DescribeKeyValueStore" | "ListKeys" | "UpdateKeys";

const advice: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "allow cloudfront-keyvaluestore:DescribeKeyValueStore, ListKeys and UpdateKeys on the store's ARN",
  ResourceNotFoundException: "there is no store with this ARN",
  ServiceQuotaExceededException: "the store is full, or another of AWS's quotas is used up",
  CredentialsProviderError:
    "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
  UnrecognizedClientException: "AWS does not know the access key",
  InvalidSignatureException: "the secret access key is not that of the access key, or the clock is wrong",
  ExpiredTokenException: "the temporary credentials have expired",
};

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "Error";
}

function describe(error: unknown): string {
  const name = nameOf(error);
  const { httpStatusCode } = Object(Object(error).$metadata);
  const known = advice[name];
  // Names of the runtime's own errors say nothing: the request failed before there was an answer.
  if (known === undefined && httpStatusCode === undefined) return "the request failed";
  const status = httpStatusCode === undefined ? "" : ` (${httpStatusCode})`;
  return `${name}${status}${known === undefined ? "" : `: ${known}`}`;
}

interface SignedRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
}

/** What sends the client's requests: the port in place of the client's own, so that both runtimes have the same. */
function fetchHandler(send: AwsStoreParts["fetch"]) {
  return {
    handle: async (request: SignedRequest, { abortSignal }: { readonly abortSignal?: AbortSignal } = {}) => {
      const { method, protocol, hostname, port, path, headers, body } = request;
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(request.query ?? {}))
        for (const one of Array.isArray(value) ? value : [value ?? ""]) query.append(name, one);
      const search = query.size === 0 ? "" : `?${query}`;
      const response = await send(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}${search}`, {
        method,
        headers,
        // Credentials are for AWS's own host only.
        redirect: "manual",
        ...(body !== undefined && { body }),
        ...(abortSignal !== undefined && { signal: abortSignal }),
      });
      return {
        response: {
          statusCode: response.status,
          reason: response.statusText,
          headers: Object.fromEntries(response.headers),
          body: new Uint8Array(await response.arrayBuffer()),
        },
      };
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
}
