/**
 * HMAC-SHA256 (RFC 2104) under one key, as a synchronous function: the whole MAC, 32 bytes. A text counts as its UTF-8
 * bytes.
 */
export type Mac = (message: string | Uint8Array) => Uint8Array;

/** The port that makes a {@link Mac}. It does what is costly (the key's import) once, ahead of the first message. */
export type MacPort = (key: Uint8Array) => Mac;
