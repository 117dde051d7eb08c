import * as z from "zod";
import { hasNoUserInfo, isSafeAddress } from "../base/origins.ts";
import { eventTypes } from "../metrics/event-log.ts";

const endpointSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .refine(isSafeAddress, "use https, or http on localhost")
    .refine(hasNoUserInfo, "put no user name or password into the URL: the signature identifies the sender"),
  events: z.array(z.enum(eventTypes)).min(1).optional(),
});

export type WebhookEndpoint = z.output<typeof endpointSchema>;

/** The value of STAGEDOOR_WEBHOOKS: where events are sent, and which; without `events` all. */
export const webhooksSchema = z
  .array(endpointSchema)
  .max(5)
  .refine((endpoints) => new Set(endpoints.map(({ url }) => url)).size === endpoints.length, "name each url once");

/** Secrets of the Standard Webhooks specification, 24 to 64 random bytes each. During a rotation all of them sign. */
export const webhookSecretsSchema = z
  .string()
  .transform((text) => text.split(/\s+/).filter((word) => word !== ""))
  .pipe(
    z
      .array(
        z
          .string()
          .regex(
            /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/,
            "write whsec_ and 24 to 64 random bytes in base64; npx stagedoor secrets new makes one",
          ),
      )
      .min(1, "write whsec_ and 24 to 64 random bytes in base64")
      .max(3, "write three secrets at most"),
  );

/** Webhooks and the secrets that sign for all of them. */
export interface Webhooks {
  readonly endpoints: readonly WebhookEndpoint[];
  readonly secrets: readonly string[];
}
