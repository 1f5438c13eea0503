// Verifies as the vendors' own packages do. One JSON object a line on standard input, {scheme, secret, headers, body, url};
// one a line on standard output, {valid, why}. Run in the folder of the installed packages.

import { createInterface } from "node:readline";

import { verifyWebhook } from "@clerk/backend/webhooks";
import hubspot from "@hubspot/api-client";
import { verifySignature } from "@kapso/whatsapp-cloud-api/server";
import { validateEvent } from "@polar-sh/sdk/webhooks";
import { EventWebhook, EventWebhookHeader } from "@sendgrid/eventwebhook";
import { WorkOS } from "@workos-inc/node";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";

function must(valid) {
  if (!valid) throw new Error("the package says no");
}

// Header names in lower case, as a server hands them on. Each of these throws when the signature is not good.
const schemes = {
  stripe: ({ secret, headers, body }) =>
    new Stripe("sk_test_0").webhooks.constructEvent(body, headers["stripe-signature"], secret),
  workos: ({ secret, headers, body }) =>
    new WorkOS("sk_test_0").webhooks.constructEvent({
      payload: JSON.parse(body),
      sigHeader: headers["workos-signature"],
      secret,
    }),
  generic: ({ secret, headers, body }) => new Standard(secret).verify(body, headers),
  supabase: ({ secret, headers, body }) => new Standard(secret.replace("v1,", "")).verify(body, headers),
  resend: ({ secret, headers, body }) => new Svix(secret).verify(body, headers),
  polar: ({ secret, headers, body }) => validateEvent(body, headers, secret),
  clerk: ({ secret, headers, body, url }) =>
    verifyWebhook(new Request(url, { method: "POST", headers, body }), { signingSecret: secret }),
  whatsapp: ({ secret, headers, body }) =>
    must(verifySignature({ appSecret: secret, rawBody: body, signatureHeader: headers["x-hub-signature-256"] })),
  hubspot: ({ secret, headers, body, url }) =>
    must(
      hubspot.Signature.isValid({
        signatureVersion: "v3",
        signature: headers["x-hubspot-signature-v3"],
        timestamp: Number(headers["x-hubspot-request-timestamp"]),
        clientSecret: secret,
        requestBody: body,
        url,
      }),
    ),
  sendgrid({ secret, headers, body }) {
    const judge = new EventWebhook();
    const header = (name) => headers[name.toLowerCase()];
    const key = judge.convertPublicKeyToECDSA(secret);
    const signature = header(EventWebhookHeader.SIGNATURE());
    must(judge.verifySignature(key, body, signature, header(EventWebhookHeader.TIMESTAMP())));
  },
};

async function verdict(request) {
  try {
    await schemes[request.scheme](request);
    return { valid: true };
  } catch (error) {
    return { valid: false, why: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await verdict(JSON.parse(line))));
}
