import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Twelve digits that tell one state of a program from another: the code in a directory and below it, tests apart, and `more`.
 * What is not there to be read counts as empty.
 */
export function programDigest(directory: string, more: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of more) hash.update(`${text.length} ${text}`);
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!/\.[jt]s$/u.test(name) || /\.(?:test|d)\.[jt]s$/u.test(name)) continue;
    const code = textOf(join(directory, name));
    hash.update(`${name} ${code.length} `).update(code);
  }
  return hash.digest('hex').slice(0, 12);
}

function textOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
