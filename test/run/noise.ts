/** What a run prints in addition to its results although nothing is wrong: what it looks like, and why it comes. */
interface Noise {
  readonly looks: RegExp;
  readonly why: string;
}

/** All of it comes from workerd, which tells the process of the run and no test. */
const expectedNoise: readonly Noise[] = [
  {
    looks:
      /Called \.text\(\) on an HTTP body which does not appear to be text\. The body's Content-Type is "application\//,
    why: "Playlists and forms are text, though their media types do not say so.",
  },
  {
    looks: /A header value for "(?:Cookie|Access-Control-Request-Headers)" contains non-ASCII characters/,
    why: "Tests send values that are none.",
  },
  {
    looks: /Error: no alarm was set/,
    why: "A test lets a Durable Object's storage fail.",
  },
  {
    looks:
      /disconnected: fixed-length pipe ended prematurely|Error writing HTTP body: \[Error: Network connection lost/,
    why: "A test lets an origin break off in the middle of a body.",
  },
  {
    looks: /An RPC result was not disposed properly/,
    why: "A test ends while it still holds an object's answer.",
  },
];

/**
 * Keeps expected noise from what a run prints. It remembers what else comes on standard error: results come on standard
 * output alone while nothing fails.
 */
export class NoiseGate {
  readonly #unexpected: string[] = [];

  /** From now on, for this process and those whose output it hands on. */
  watch(): void {
    for (const stream of [process.stdout, process.stderr])
      stream.write = new Proxy(stream.write, {
        apply: (write, self, [chunk, ...more]) => {
          const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
          if (expectedNoise.some(({ looks }) => looks.test(text))) return true;
          if (stream === process.stderr && text.trim() !== "") this.#unexpected.push(text);
          return Reflect.apply(write, self, [chunk, ...more]);
        },
      });
  }

  /** What came on standard error that nobody expects. */
  get unexpected(): readonly string[] {
    return this.#unexpected;
  }
}
