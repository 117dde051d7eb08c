import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { awsFindings } from "../../../cli/doctor/checks/keys.ts";
import { differenceFromAws } from "../../../cli/lib/aws-signer.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { bundleWorker } from "../../../cli/local/bundle.ts";
import { newCloudFrontKey } from "../../../src/keys/generate.ts";
import { cloudFrontSign } from "../../../src/platform/node/node-crypto.ts";
import { now, ringKeys } from "./doctor-stage.ts";

const stranger = await newCloudFrontKey("KSTRANGER00001", "ec");

describe.each(["rsa", "ec"] as const)("a CloudFront key (%s)", async (type) => {
  const key = await newCloudFrontKey("K2JCJMDEHXQW5F", type);

  it("signs the same as AWS's own code", () => {
    expect(differenceFromAws(key, now)).toBeUndefined();
  });

  it("differs from AWS's code if our signature is made with another key", () => {
    const { kty, crv, x, y, d } = Object(stranger);
    const signWith = () => cloudFrontSign({ kty, crv, x, y, d }, "SHA256");
    expect(differenceFromAws(key, now, signWith)).toMatch(/^(The two signatures|Our signature)/);
  });

  it("differs from AWS's code if another text is signed", () => {
    const difference = differenceFromAws(key, now, (privateKey) => {
      const sign = cloudFrontSign({ ...privateKey }, "SHA256");
      return (policy) => sign(`${policy} `);
    });
    expect(difference).toBeDefined();
  });
});

describe("the comparison with AWS's code", () => {
  it("finds no difference in a valid ring", async () => {
    expect(await awsFindings({ keys: ringKeys }, now)).toEqual([]);
  });

  it("reports each key with a different signature", async () => {
    const findings = await awsFindings({ keys: ringKeys }, now, () => "The two signatures differ.");
    expect(findings.map(({ id, severity, about }) => [id, severity, about])).toEqual([
      ["aws_signer_differs", "fault", "key K2JCJMDEHXQW5F"],
    ]);
  });

  it.each(["api", "edge", "manifest", "identity"])("is not part of the %s worker's bundle", async (worker) => {
    const bundle = await bundleWorker(join(projectRoot, `workers/${worker}/index.ts`));
    expect(bundle.includes("node_modules/@aws-sdk/")).toBe(false);
  });
});
