import { spawn } from 'node:child_process';
import { messageOf, OperatingError } from '../lib/errors.ts';

const TIMEOUT_MS = 20_000;
const MOST_OUTPUT = 64 * 1024;

export type Ended = { readonly code: number | null; readonly output: string };

/** A proxy that is a program of its own: what it is called, and how it speaks. */
export type ProxyProgram = {
  readonly name: string;
  /** The first release that knows all that is rendered: major and minor. */
  readonly oldest: readonly [major: number, minor: number];
  /** Finds major and minor in what it says of its version. */
  readonly version: RegExp;
  /** A line about what it refuses. */
  readonly complaint: RegExp;
  /** Finds the file that a complaint is about. */
  readonly place: RegExp;
};

/** Proxies are where only root's path leads. */
export function searchPath(): string {
  return `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`;
}

/** Error: TRAFFIC_PROXY_MISSING. */
export function runProxy(program: ProxyProgram, command: readonly string[]): Promise<Ended> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: searchPath() };
    const child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS, env });
    let output = '';
    const take = (text: Buffer): void => {
      if (output.length < MOST_OUTPUT) output += text.toString('latin1');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', (error: NodeJS.ErrnoException) => reject(missing(program, file!, error)));
    child.once('close', (code) => resolve({ code, output: output.trim() }));
  });
}

/** Errors: TRAFFIC_PROXY_MISSING, TRAFFIC_PROXY_TOO_OLD. */
export async function checkVersion(program: ProxyProgram, command: readonly string[]): Promise<void> {
  const { name, oldest, version } = program;
  const { output } = await runProxy(program, command);
  const found = version.exec(output);
  if (found === null) throw missing(program, command[0]!, new Error(`it says: ${output.slice(0, 200)}`));
  const [major, minor] = [Number(found[1]), Number(found[2])];
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  throw new OperatingError(
    'TRAFFIC_PROXY_TOO_OLD',
    `${command[0]} is ${name} ${major}.${minor}; Bascule needs ${oldest.join('.')} or later. Nothing was changed.`,
    { retryable: false },
  );
}

/**
 * Tests a whole configuration, of others too. `ours`: how the paths of Bascule's own files begin. Error:
 * TRAFFIC_CONFIG_REFUSED, which says whether the fault is in a file of ours or of somebody else.
 */
export async function testConfiguration(
  program: ProxyProgram,
  command: readonly string[],
  ours: string,
): Promise<void> {
  const { code, output } = await runProxy(program, command);
  if (code === 0) return;
  const lines = output.split('\n').filter((line) => program.complaint.test(line));
  const said = (lines.length > 0 ? lines : output.split('\n')).slice(0, 3).join('; ');
  const place = program.place.exec(said)?.[1];
  const whose =
    place !== undefined && !place.startsWith(ours)
      ? `${place} is not a file of Bascule's: mend it, then repeat.`
      : 'See `bascule explain TRAFFIC_CONFIG_REFUSED`.';
  throw new OperatingError(
    'TRAFFIC_CONFIG_REFUSED',
    `${program.name} refuses its configuration: ${said}. The former files are back and ${program.name} serves as before. ${whose}`,
    { retryable: false },
  );
}

function missing({ name, oldest }: ProxyProgram, file: string, cause: Error): OperatingError {
  return new OperatingError(
    'TRAFFIC_PROXY_MISSING',
    `${file} cannot be run (${messageOf(cause)}). Nothing was changed. Install ${name} ${oldest.join('.')} or later, or put it on the path of the server.`,
    { retryable: false, cause },
  );
}
