/**
 * HMAC-SHA256 (RFC 2104) under one key, as a synchronous function: the whole MAC, 32 bytes. A text counts as its UTF-8
 * bytes.
 */
export type Mac = (message: string | Uint8Array) => Uint8Array;

/** A {@link Mac} that also gives a text, and is quicker at it than whoever encodes the bytes: no array is made for them. */
export interface TextMac extends Mac {
  /** The whole MAC in base64url without padding, 43 characters. */
  readonly base64url: (message: string) => string;
}

/** The port that makes a {@link Mac}. It does what is costly (the key's import) once, ahead of the first message. */
export type MacPort = (key: Uint8Array) => TextMac;
