import { spawn } from 'node:child_process';
import { messageOf, OperatingError } from '../../lib/errors.ts';

const TIMEOUT_MS = 20_000;
const MOST_OUTPUT = 64 * 1024;
/** 2.4 has named defaults, http-error, and maps that are replaced at once. */
const OLDEST = [2, 4] as const;

export type Ended = { readonly code: number | null; readonly output: string };

/** HAProxy is where only root's path leads. */
export function searchPath(): string {
  return `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`;
}

/** Error: TRAFFIC_PROXY_MISSING. */
export function run(command: readonly string[]): Promise<Ended> {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: searchPath() };
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS, env });
    let output = '';
    const take = (text: Buffer): void => {
      if (output.length < MOST_OUTPUT) output += text.toString('latin1');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', (error: NodeJS.ErrnoException) => reject(missing(program!, error)));
    child.once('close', (code) => resolve({ code, output: output.trim() }));
  });
}

/** Errors: TRAFFIC_PROXY_MISSING, TRAFFIC_PROXY_TOO_OLD. */
export async function checkVersion(command: readonly string[]): Promise<void> {
  const { output } = await run(command);
  const found = /HA-?Proxy version (\d+)\.(\d+)/i.exec(output);
  if (found === null) throw missing(command[0]!, new Error(`it says: ${output.slice(0, 200)}`));
  const [major, minor] = [Number(found[1]), Number(found[2])];
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new OperatingError(
    'TRAFFIC_PROXY_TOO_OLD',
    `${command[0]} is HAProxy ${major}.${minor}; Bascule needs ${OLDEST.join('.')} or later. Nothing was changed.`,
    { retryable: false },
  );
}

/** Tests a whole configuration, of others too. `ours`: the file that is Bascule's. Error: TRAFFIC_CONFIG_REFUSED. */
export async function testConfiguration(command: readonly string[], ours: string): Promise<void> {
  const { code, output } = await run(command);
  if (code === 0) return;
  const lines = output.split('\n').filter((line) => line.includes('[ALERT]'));
  const said = (lines.length > 0 ? lines : output.split('\n')).slice(0, 3).join('; ');
  const place = /\[(\/[^\]:]+):\d+\]/.exec(said)?.[1];
  const whose =
    place !== undefined && place !== ours && !place.startsWith(ours)
      ? `${place} is not a file of Bascule's: mend it, then repeat.`
      : 'See `bascule explain TRAFFIC_CONFIG_REFUSED`.';
  throw new OperatingError(
    'TRAFFIC_CONFIG_REFUSED',
    `HAProxy refuses its configuration: ${said}. The former file is back and HAProxy serves as before. ${whose}`,
    { retryable: false },
  );
}

function missing(program: string, cause: Error): OperatingError {
  return new OperatingError(
    'TRAFFIC_PROXY_MISSING',
    `${program} cannot be run (${messageOf(cause)}). Nothing was changed. Install HAProxy 2.4 or later, or put it on the path of the server.`,
    { retryable: false, cause },
  );
}
