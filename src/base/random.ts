/** The port for randomness: so many bytes that nobody can foretell. */
export type RandomBytes = (length: number) => Uint8Array;
