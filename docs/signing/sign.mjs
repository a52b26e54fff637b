// Signs calls between Chejiajia and Tongli. Copy sign() and encode(); the rest is for tests.
import { createHmac } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// query: list of decoded [name, value]; body: the bytes as sent. Returns lower-case hex.
export function sign(secret, method, path, query, body) {
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0); // not localeCompare: by bytes
  const canonical = query
    .filter(([name]) => name !== 'sign')
    .map((pair) => pair.map(encode))
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map((pair) => pair.join('='))
    .join('&');
  return createHmac('sha256', secret).update(`${method}\n${path}\n${canonical}\n`).update(body).digest('hex');
}

// RFC 3986: encodeURIComponent leaves five characters that must be encoded.
export function encode(s) {
  return encodeURIComponent(s).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
}

// One case a line, see README.md.
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const bytes = (hex) => Buffer.from(hex, 'hex');
  for await (const line of createInterface({ input: process.stdin })) {
    const [secret, method, path, body, ...rest] = line.split('\t');
    const query = [];
    for (let i = 0; i + 1 < rest.length; i += 2) query.push([bytes(rest[i]).toString(), bytes(rest[i + 1]).toString()]);
    console.log(sign(bytes(secret), method, path, query, bytes(body)));
  }
}
