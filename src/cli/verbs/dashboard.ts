import { spawn } from 'node:child_process';
import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { hostOf } from '../remote.ts';
import { ServerProblem } from '../server-problem.ts';
import { printJson, type Verb } from '../verb.ts';

export const dashboard: Verb = {
  configure: (command) =>
    command.option('--open', 'open it in the browser instead of printing the link alone'),
  run: async ({ client, io, json, options, where }) => {
    const elsewhere = hostOf(where, io);
    if (elsewhere !== null) return there(elsewhere, io, json);
    const { url, expiresInMs } = await client
      .ask('POST /dashboard/link', {})
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

/** A link is for a browser of the server's own machine; elsewhere there is an address, and a token. */
function there(host: string, io: Io, json: boolean): number {
  const url = `${host.replace(/\/+$/, '')}/`;
  if (json) printJson(io, { url, expiresInMs: null });
  else {
    io.out(`${printable(url)}\n`);
    io.err('Log in there with your token.\n');
  }
  return EXIT.done;
}

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
