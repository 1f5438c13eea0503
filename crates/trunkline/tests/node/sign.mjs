// Signs as the vendors' own packages do. One JSON object a line on standard input, {scheme, secret, body, id, at, url};
// one a line on standard output, with the headers. Run in the folder of the installed packages.

import { createSign, generateKeyPairSync } from "node:crypto";
import { createInterface } from "node:readline";

import hubspot from "@hubspot/api-client";
import { EventWebhookHeader } from "@sendgrid/eventwebhook";
import { WorkOS } from "@workos-inc/node";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";

const seconds = (at) => Math.floor(at / 1000);

function standard(secret, { body, id, at }) {
  const signature = new Standard(secret).sign(id, new Date(at), body);
  return { "webhook-id": id, "webhook-timestamp": `${seconds(at)}`, "webhook-signature": signature };
}

const schemes = {
  stripe({ secret, body, at }) {
    const { webhooks } = new Stripe("sk_test_0");
    const header = webhooks.generateTestHeaderString({ payload: body, secret, timestamp: seconds(at) });
    return { "Stripe-Signature": header };
  },
  async workos({ secret, body, at }) {
    const { webhooks } = new WorkOS("sk_test_0");
    return { "WorkOS-Signature": `t=${at}, v1=${await webhooks.computeSignature(at, JSON.parse(body), secret)}` };
  },
  generic: (request) => standard(request.secret, request),
  supabase: (request) => standard(request.secret.replace("v1,", ""), request),
  // Polar hands the library the whole text of its secret, in base64.
  polar: (request) => standard(Buffer.from(request.secret).toString("base64"), request),
  svix({ secret, body, id, at }) {
    const signature = new Svix(secret).sign(id, new Date(at), body);
    return { "svix-id": id, "svix-timestamp": `${seconds(at)}`, "svix-signature": signature };
  },
  hubspot({ secret, body, at, url }) {
    const options = { clientSecret: secret, requestBody: body, url, timestamp: at };
    const signature = hubspot.Signature.getSignature("POST", "v3", options);
    return { "X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": `${at}` };
  },
  // SendGrid's package only verifies. The key is made here, and `secret` is its private half.
  sendgrid({ secret, body, at }) {
    const key = { key: Buffer.from(secret, "base64"), format: "der", type: "pkcs8" };
    const signature = createSign("sha256").update(`${seconds(at)}${body}`).sign(key, "base64");
    return { [EventWebhookHeader.SIGNATURE()]: signature, [EventWebhookHeader.TIMESTAMP()]: `${seconds(at)}` };
  },
  sendgrid_key() {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const der = (key, type) => key.export({ format: "der", type }).toString("base64");
    return { public: der(publicKey, "spki"), private: der(privateKey, "pkcs8") };
  },
};

schemes.clerk = schemes.svix;
schemes.resend = schemes.svix;

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  console.log(JSON.stringify(await schemes[request.scheme](request)));
}
