// Mints tokens as products' own servers do, with the package jose. One JSON object a line on standard input,
// {alg, kid, claims}; one a line on standard output, {token, jwk}. Run in the folder of the installed packages.

import { createInterface } from "node:readline";

import { SignJWT, exportJWK, generateKeyPair } from "jose";

for await (const line of createInterface({ input: process.stdin })) {
  const { alg, kid, claims } = JSON.parse(line);
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const token = new SignJWT(claims).setProtectedHeader({ alg, kid }).setIssuedAt().setExpirationTime("1h");
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
  console.log(JSON.stringify({ token: await token.sign(privateKey), jwk }));
}
