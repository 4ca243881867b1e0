import { Client, axios, crypto } from 'acme-client';
import { readFile } from 'node:fs/promises';
import { connectProblem } from '../../../lib/connect-problem.ts';
import { writeFileDurably } from '../../../lib/durable-file.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { Authority } from './authority.ts';
import type { Order } from './order.ts';

/** Between two looks at what the authority has done. */
const LOOK_MIN_MS = 500;
const LOOK_MAX_MS = 15_000;
const LOOKS = 20;
const REACH_MS = 10_000;

/** Of a request that the authority did not take: the desk asks again by itself, and not so soon. The types do not know these. */
Object.assign((axios.defaults as unknown as { acmeSettings: object }).acmeSettings, {
  retryMaxAttempts: 1,
  retryDefaultDelay: 2,
});

/** An authority that speaks ACME. */
export const acmeAuthority: Authority = {
  certificateFor: async (order, answer) => {
    const client = new Client({
      directoryUrl: order.directory,
      accountKey: await accountKeyOf(order),
      backoffAttempts: LOOKS,
      backoffMin: LOOK_MIN_MS,
      backoffMax: LOOK_MAX_MS,
    });
    const key = await crypto.createPrivateEcdsaKey('P-256');
    const [, request] = await crypto.createCsr({ altNames: [...order.names] }, key);
    const chain = await client
      .auto({
        csr: request,
        termsOfServiceAgreed: true,
        ...(order.email !== null && { email: order.email }),
        challengePriority: ['http-01'],
        // From here the name may lead elsewhere than from the authority: that is who looks.
        skipChallengeVerification: true,
        challengeCreateFn: async (authorization, challenge, keyAuthorization) => {
          const host = authorization.identifier.value.toLowerCase();
          if (challenge.type !== 'http-01') throw new Error(`${host} can be shown by ${challenge.type} only`);
          await answer({ host, token: challenge.token, answer: keyAuthorization });
        },
        // Answers end with the errand.
        challengeRemoveFn: async () => {},
      })
      .catch(async (error: unknown) => {
        throw (await unreachable(order)) ?? error;
      });
    return `${key.toString().trim()}\n${chain.trim()}\n`;
  },
};

async function accountKeyOf({ accountKeyFile }: Order): Promise<string> {
  try {
    return await readFile(accountKeyFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = (await crypto.createPrivateEcdsaKey('P-256')).toString();
  await writeFileDurably(accountKeyFile, key, 0o600);
  return key;
}

/** Of an authority that does not answer the library says that something is undefined. */
async function unreachable({ directory }: Order): Promise<Error | null> {
  try {
    await (await fetch(directory, { signal: AbortSignal.timeout(REACH_MS) })).body?.cancel();
    return null;
  } catch (error) {
    const { cause } = error as { readonly cause?: NodeJS.ErrnoException };
    const why = cause === undefined ? null : (connectProblem(cause) ?? cause.message);
    return new Error(`it cannot be reached: ${why ?? messageOf(error)}`);
  }
}
