import { describe, expect, it } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { rememberLeases } from "../../../src/sessions/lease-memory.ts";

const at = (second: number) => unixSeconds(1_000 + second);

describe("an isolate's memory of leases", () => {
  it("admits a session for 30 s, then has one request refresh the lease and admits the others", () => {
    const leases = rememberLeases({ capacity: 10 });
    leases.keep("s", "a", at(0), at(90));
    expect(leases.look("s", "a", at(29))).toBe("granted");
    expect(leases.look("s", "a", at(30))).toBe("due");
    expect(leases.look("s", "a", at(30))).toBe("granted");
    expect(leases.look("s", "a", at(59))).toBe("granted");
    expect(leases.look("s", "a", at(60))).toBe("due");
  });

  it("does not admit a session whose lease has expired, even if it was refreshed less than 30 s ago", () => {
    const leases = rememberLeases({ capacity: 10 });
    leases.keep("s", "a", at(0), at(20));
    expect(leases.look("s", "a", at(19))).toBe("granted");
    expect(leases.look("s", "a", at(20))).toBe("unknown");
  });

  it("does not know a session in a network where it was not seen before", () => {
    const leases = rememberLeases({ capacity: 10 });
    leases.keep("s", "a", at(0), at(90));
    expect(leases.look("s", "b", at(1))).toBe("unknown");
    expect(leases.look("s", undefined, at(1))).toBe("unknown");
    expect(leases.look("t", "a", at(1))).toBe("unknown");
  });

  it("remembers an ended session and its cause permanently, in all its networks", () => {
    const leases = rememberLeases({ capacity: 10 });
    for (const network of ["a", "b", undefined]) leases.keep("s", network, at(0), at(90));
    leases.end("s", "taken");
    for (const network of ["a", "b", "c", undefined]) expect(leases.look("s", network, at(1))).toBe("ended");
    leases.keep("s", "a", at(1), at(91));
    leases.limit("s", at(1));
    expect([leases.look("s", "a", at(1)), leases.look("s", "a", at(90_000))]).toEqual(["ended", "ended"]);
    expect(leases.causeOf("s")).toBe("taken");
    expect(leases.look("t", "a", at(1))).toBe("unknown");
  });

  it("forgets the oldest ended session beyond its capacity", () => {
    const leases = rememberLeases({ capacity: 2 });
    for (const id of ["old", "new", "new", "newest"]) leases.end(id, "revoked");
    expect(["old", "new", "newest"].map((id) => leases.look(id, "a", at(1)))).toEqual(["unknown", "ended", "ended"]);
  });

  it("remembers for two seconds that the stream limit refused a session, and forgets its lease", () => {
    const leases = rememberLeases({ capacity: 10 });
    leases.keep("s", "a", at(0), at(90));
    leases.limit("s", at(10));
    expect([leases.look("s", "a", at(10)), leases.look("s", "b", at(11))]).toEqual(["limited", "limited"]);
    expect(leases.look("t", "a", at(11))).toBe("unknown");
    expect(leases.look("s", "a", at(12))).toBe("unknown");
    leases.keep("s", "a", at(11), at(90));
    expect(leases.look("s", "a", at(11))).toBe("granted");
  });

  it("forgets the oldest session refused by the stream limit beyond its capacity", () => {
    const leases = rememberLeases({ capacity: 2 });
    for (const id of ["old", "new", "new", "newest"]) leases.limit(id, at(0));
    expect(["old", "new", "newest"].map((id) => leases.look(id, "a", at(1)))).toEqual([
      "unknown",
      "limited",
      "limited",
    ]);
  });

  it("evicts the session whose lease was refreshed least recently", () => {
    const leases = rememberLeases({ capacity: 2, leaseTtl: seconds(30) });
    leases.keep("old", "a", at(0), at(90));
    leases.keep("new", "a", at(1), at(90));
    leases.keep("old", "a", at(2), at(90));
    leases.keep("newest", "a", at(3), at(90));
    expect(leases.look("new", "a", at(4))).toBe("unknown");
    expect(leases.look("old", "a", at(4))).toBe("granted");
    expect(leases.look("newest", "a", at(4))).toBe("granted");
  });

  it("evicts no session when it updates one that it has", () => {
    const leases = rememberLeases({ capacity: 2 });
    for (const id of ["old", "new", "new"]) leases.keep(id, "a", at(0), at(90));
    expect(leases.look("old", "a", at(1))).toBe("granted");
  });

  it("keeps 16 networks of a session", () => {
    const leases = rememberLeases({ capacity: 2 });
    for (let i = 0; i < 100; i++) leases.keep("s", `n${i}`, at(0), at(90));
    const known = Array.from({ length: 100 }, (_, i) => leases.look("s", `n${i}`, at(1))).filter(
      (status) => status === "granted",
    );
    expect(known).toHaveLength(16);
  });

  it("does not admit a new grant in a network that refused the session before", () => {
    const leases = rememberLeases({ capacity: 10 });
    const renewed = (second: number) => ({ sessionId: "s", issuedAt: at(second), expiresAt: at(9_000) });
    leases.refuse("s", "b", at(50));
    expect(leases.look("s", "b", at(60))).toBe("unknown");
    expect(leases.admitNew(renewed(55), "b", at(60))).toBe(false);
    expect(leases.admitNew(renewed(55), "a", at(60))).toBe(true);
    leases.keep("s", "b", at(60), at(70));
    expect(leases.admitNew(renewed(150), "b", at(160))).toBe(true);
  });
});
