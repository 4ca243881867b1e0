import { spawn } from 'node:child_process';
import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import { ServerProblem } from '../server-problem.ts';
import { printJson, type Verb } from '../verb.ts';

type Link = { readonly url: string; readonly expiresInMs: number };

export const dashboard: Verb = {
  configure: (command) =>
    command.option('--open', 'open it in the browser instead of printing the link alone'),
  run: async ({ client, io, json, options }) => {
    const { url, expiresInMs } = await client
      .steer<Link>('POST', '/dashboard/link', {})
      .catch((error: unknown) => Promise.reject(missing(error)));
    if (json) printJson(io, { url, expiresInMs });
    else {
      io.out(`${printable(url)}\n`);
      const { port } = new URL(url);
      io.err(
        `It logs one browser of this machine in, once, within ${expiresInMs / 1000} s. From elsewhere: ssh -L ${port}:127.0.0.1:${port} HOST\n`,
      );
    }
    if (options['open'] === true) openBrowser(url);
    return EXIT.done;
  },
};

/** The program that opens addresses, where there is one: the link was printed anyway. */
function openBrowser(url: string): void {
  const command = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(command, [url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

/** A server without pages has no such address. */
function missing(error: unknown): unknown {
  if (!(error instanceof ServerProblem) || error.code !== 'ROUTE_UNKNOWN') return error;
  return new OperatingError(
    'DASHBOARD_MISSING',
    'This server was started without the files of the dashboard. Run "npm run build:dashboard" where it was installed, and start it again.',
    { retryable: false },
  );
}
