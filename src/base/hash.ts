/** The port for SHA-256 of a text's UTF-8 bytes, synchronous: 32 bytes in base64url without padding. */
export type TextHash = (text: string) => string;
