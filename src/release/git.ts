import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

import { messageOf, OperatingError } from '../lib/errors.ts';

const run = promisify(execFile);

/** What a hook or a CI job sets for its own git must not lead ours to another repository. */
const FOREIGN = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_PREFIX', 'GIT_CEILING_DIRECTORIES'];
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 120_000;

export type GitResult =
  | { readonly ok: true; readonly out: string }
  | { readonly ok: false; readonly why: string };

/** Runs git to its end. A refusal is a result; that git is missing or hangs is PACK_GIT_FAILED. */
export async function git(directory: string, ...words: readonly string[]): Promise<GitResult> {
  try {
    const { stdout } = await run('git', ['-C', directory, ...words], {
      env: gitEnvironment(),
      maxBuffer: MAX_OUTPUT_BYTES,
      timeout: TIMEOUT_MS,
      encoding: 'utf8',
    });
    return { ok: true, out: stdout };
  } catch (error) {
    const { code, stderr } = error as { code?: number | string; stderr?: string };
    if (typeof code !== 'number') throw gitFailed(directory, words, messageOf(error), error);
    return { ok: false, why: (stderr ?? '').trim() };
  }
}

export async function requireGit(directory: string, ...words: readonly string[]): Promise<string> {
  const result = await git(directory, ...words);
  if (!result.ok) throw gitFailed(directory, words, result.why);
  return result.out;
}

/** A tar of a commit as git writes it; the stream fails with PACK_GIT_FAILED if git does. */
export async function* gitArchive(directory: string, commit: string): AsyncGenerator<Uint8Array> {
  const words = ['archive', '--format=tar', commit];
  const child = spawn('git', ['-C', directory, ...words], {
    env: gitEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(-2000)));
  const ended = new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      complaint = messageOf(error);
      resolve(-1);
    });
    child.on('close', resolve);
  });
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array;
    if ((await ended) !== 0) throw gitFailed(directory, words, complaint.trim());
  } finally {
    child.kill();
  }
}

export function gitFailed(
  directory: string,
  words: readonly string[],
  why: string,
  cause?: unknown,
): OperatingError {
  const message = `git ${words.join(' ')} failed in ${directory}: ${why === '' ? 'no reason given' : why}. Nothing was packed.`;
  return new OperatingError('PACK_GIT_FAILED', message, { retryable: false, cause });
}

function gitEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' };
  for (const name of FOREIGN) delete environment[name];
  return environment;
}
