// Signs or verifies one request with a sender's own library. Reads {sender, action, secret, body, headers} as JSON
// from standard input, writes the signature's header value, or true or false.
import { readFileSync } from "node:fs";

const { sender, action, secret, body, headers } = JSON.parse(readFileSync(0, "utf8"));

const senders = {
  async github() {
    const { sign, verify } = await import("@octokit/webhooks-methods");
    return action === "sign" ? sign(secret, body) : verify(secret, body, headers["x-hub-signature-256"]);
  },
  async notion() {
    const { signWebhookPayload, verifyWebhookSignature } = await import("@notionhq/client");
    return action === "sign"
      ? signWebhookPayload({ body, verificationToken: secret })
      : verifyWebhookSignature({ body, verificationToken: secret, signature: headers["x-notion-signature"] });
  },
  async linear() {
    const { LinearWebhookClient } = await import("@linear/sdk/webhooks");
    try {
      return new LinearWebhookClient(secret).verify(Buffer.from(body), headers["linear-signature"]);
    } catch {
      return false;
    }
  },
  async shopify() {
    await import("@shopify/shopify-api/adapters/node");
    const { shopifyApi, ApiVersion, LogSeverity } = await import("@shopify/shopify-api");
    const shopify = shopifyApi({
      apiKey: "key", apiSecretKey: secret, hostName: "wiki.example.org", apiVersion: ApiVersion.January25,
      isEmbeddedApp: false, logger: { level: LogSeverity.Error },
    });
    const required = {
      "x-shopify-topic": "orders/create", "x-shopify-shop-domain": "shop.myshopify.com",
      "x-shopify-api-version": "2025-01",
    };
    const rawRequest = { method: "POST", url: "/tiki-webhooks.php", headers: { ...required, ...headers } };
    const verdict = await shopify.webhooks.validate({ rawBody: body, rawRequest, rawResponse: {} });
    return verdict.valid;
  },
};

console.log(JSON.stringify(await senders[sender]()));
