import { OperatingError } from '../lib/errors.ts';
import type { HttpAuth, SecretRef } from '../release/source-connection.ts';

/** The value of a secret, read anew each time; never logged or kept. Error: an OperatingError that holds no value. */
export type Reveal = (secret: SecretRef) => Promise<string>;

/** What stands in `Authorization`, if anything. */
export async function authorization(auth: HttpAuth, reveal: Reveal): Promise<Record<string, string>> {
  switch (auth.kind) {
    case 'none':
      return {};
    case 'bearer':
      return { authorization: `Bearer ${await reveal(auth.token)}` };
    case 'basic': {
      const pair = Buffer.from(`${auth.user}:${await reveal(auth.password)}`, 'utf8');
      return { authorization: `Basic ${pair.toString('base64')}` };
    }
  }
}

/** Why a secret could not be read, without its value: messages of `Reveal` hold names alone. */
export function secretTrouble(error: unknown): string {
  if (error instanceof OperatingError) return error.message;
  throw error;
}
