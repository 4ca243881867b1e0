import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Challenge, type FromErrand, type Order, TOKEN } from './order.ts';

/** Longer than an authority looks, and less than anybody waits for. */
const DEADLINE_MS = 300_000;
const LONGEST_REASON = 400;

export type Errand = {
  readonly order: Order;
  /** PEM file with the root of the authority's own HTTPS, or null. */
  readonly authority: string | null;
  /** Resolves once every worker answers it. */
  readonly answer: (challenge: Challenge) => Promise<void>;
};

/** Runs the process that gets it; resolves with null, or with why there is none. `signal` ends it. */
export function runErrand({ order, authority, answer }: Errand, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const child = fork(errandPath(), [], {
      execArgv: [],
      env: { ...process.env, ...(authority !== null && { NODE_EXTRA_CA_CERTS: authority }) },
    });
    let said: string | null = 'it ended without a word';
    const kill = (): void => void child.kill('SIGKILL');
    const deadline = setTimeout(() => {
      said = `nothing came of it in ${DEADLINE_MS / 60_000} minutes`;
      kill();
    }, DEADLINE_MS);
    signal.addEventListener('abort', kill);
    child.on('error', (error) => {
      said = error.message;
    });
    child.on('message', (message: FromErrand) => {
      if (message.kind === 'challenge') {
        void take(message.challenge);
        return;
      }
      said = message.kind === 'done' ? null : printable(message.why);
      // All is on disk: nothing in it is waited for.
      kill();
    });
    child.once('exit', () => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', kill);
      resolve(said);
    });
    child.send({ kind: 'order', order });

    async function take(challenge: Challenge): Promise<void> {
      if (!TOKEN.test(challenge.token) || !order.names.includes(challenge.host)) {
        said = 'the authority asked for something else than the names of the order';
        kill();
        return;
      }
      await answer(challenge);
      if (child.connected) child.send({ kind: 'answered', token: challenge.token });
    }
  });
}

/** What an authority says goes into logs and onto terminals. */
function printable(text: string): string {
  return text.replaceAll(/[^ -~]+/g, ' ').slice(0, LONGEST_REASON);
}

/** `.ts` when run as it is, `.js` when compiled. */
function errandPath(): string {
  return fileURLToPath(new URL(`./errand-main${extname(import.meta.filename)}`, import.meta.url));
}
