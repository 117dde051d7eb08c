/** Who sends a request, as far as a session can be bound to it. */
export interface Client {
  /** The address, as the CDN in front saw it; undefined where nothing stands in front that would know. */
  readonly address: string | undefined;
  /** SHA-256 of the User-Agent (empty where none came), 32 bytes in base64url. A function, since few sessions ask for it. */
  readonly userAgentHash: () => string;
}
