/** Output of a run that is not a fault: its pattern, and its cause. */
interface Noise {
  readonly pattern: RegExp;
  readonly cause: string;
}

/** Most of it comes from workerd, which prints to the process of the run and not to a test. */
const expectedNoise: readonly Noise[] = [
  {
    pattern:
      /Called \.text\(\) on an HTTP body which does not appear to be text\. The body's Content-Type is "application\//,
    cause: "Playlists and forms are text, although their media types are application/….",
  },
  {
    pattern: /A header value for "(?:Cookie|Access-Control-Request-Headers)" contains non-ASCII characters/,
    cause: "Tests send invalid header values.",
  },
  {
    pattern: /Error: no alarm was set/,
    cause: "A test makes a Durable Object's storage fail.",
  },
  {
    pattern:
      /disconnected: fixed-length pipe ended prematurely|Error writing HTTP body: \[Error: Network connection lost/,
    cause: "A test makes an origin break off in the middle of a body.",
  },
  {
    pattern: /An RPC result was not disposed properly/,
    cause: "A test ends before it disposes an object's result.",
  },
  {
    pattern: /(?:building client \+ server bundles|rendering pages)\.\.\./,
    cause: "VitePress says what it is doing.",
  },
];

/**
 * Hides expected noise from the output of a run, and remembers other output on standard error. While no test fails,
 * results go to standard output only.
 */
export class NoiseGate {
  readonly #unexpected: string[] = [];

  /** Filters the output of this process, and of the processes whose output it forwards, from now on. */
  watch(): void {
    for (const stream of [process.stdout, process.stderr])
      stream.write = new Proxy(stream.write, {
        apply: (write, self, [chunk, ...more]) => {
          const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
          if (expectedNoise.some(({ pattern }) => pattern.test(text))) return true;
          if (stream === process.stderr && text.trim() !== "") this.#unexpected.push(text);
          return Reflect.apply(write, self, [chunk, ...more]);
        },
      });
  }

  /** The unexpected output on standard error so far. */
  get unexpected(): readonly string[] {
    return this.#unexpected;
  }
}
