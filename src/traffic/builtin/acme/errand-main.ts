import { rename } from 'node:fs/promises';
import { writeFileDurably } from '../../../lib/durable-file.ts';
import { messageOf } from '../../../lib/errors.ts';
import { readCertificate } from '../certificate.ts';
import { acmeAuthority } from './acme-authority.ts';
import type { Challenge, FromErrand, Order, ToErrand } from './order.ts';

/**
 * Gets one certificate and ends. A process of its own: whatever an authority's answers do to it, the proxy's parent, which must not stand
 * still, knows nothing of it; and its libraries take no memory for the months in between.
 */
const waiting = new Map<string, () => void>();

process.umask(0o077);
process.on('disconnect', () => process.exit(1));
process.on('message', (message: ToErrand) => {
  if (message.kind === 'answered') waiting.get(message.token)?.();
  else void run(message.order);
});

async function run(order: Order): Promise<void> {
  try {
    await keep(order, await acmeAuthority.certificateFor(order, answered));
    tell({ kind: 'done' });
  } catch (error) {
    tell({ kind: 'failed', why: messageOf(error) });
  }
}

function answered(challenge: Challenge): Promise<void> {
  return new Promise((resolve) => {
    waiting.set(challenge.token, resolve);
    tell({ kind: 'challenge', challenge });
  });
}

/** What cannot be served never takes the place of what can. */
async function keep({ file, names }: Order, pem: string): Promise<void> {
  const fresh = `${file}.new`;
  await writeFileDurably(fresh, pem, 0o600);
  const read = readCertificate({ certificate: fresh, key: fresh });
  if (typeof read === 'string') throw new Error(`what the authority gave cannot be used: ${read}`);
  const missing = names.filter((name) => !read.names.includes(name));
  if (missing.length > 0) throw new Error(`the authority left out ${missing.join(', ')}`);
  await rename(fresh, file);
}

function tell(message: FromErrand): void {
  process.send!(message);
}
