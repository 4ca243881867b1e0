import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { OperatingError } from '../lib/errors.ts';
import { git, gitFailed, requireGit } from './git.ts';
import { parseIgnore, type Ignore } from './ignore.ts';

/** Where a version comes from: a directory as it is, or a commit of the repository around it. */
export type PackSource =
  | { readonly kind: 'directory'; readonly directory: string }
  | { readonly kind: 'commit'; readonly directory: string; readonly commit: string };

/** What `--from` means: a directory if there is one of that name, else a commit, branch or tag. Null: here. */
export async function findSource(from: string | null, workingDirectory: string): Promise<PackSource> {
  const directory = resolve(workingDirectory, from ?? '.');
  if ((await stat(directory).catch(() => null))?.isDirectory()) return { kind: 'directory', directory };
  const found = await git(
    workingDirectory,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${from}^{commit}`,
  );
  if (found.ok) return { kind: 'commit', directory: workingDirectory, commit: found.out.trim() };
  throw new OperatingError(
    'PACK_SOURCE_MISSING',
    `"${from}" is neither a directory nor a commit, branch or tag of the repository in ${workingDirectory}. Nothing was packed.`,
    { retryable: false },
  );
}

/** Directory and where git knows it: paths to pack, relative, in no order; `describe` as in `packSource`. */
export type Listing = { readonly paths: readonly string[]; readonly describe: string | null };

export const IGNORE_FILE = '.basculeignore';

export async function listDirectory(directory: string): Promise<Listing> {
  const ignore = parseIgnore(await readFile(join(directory, IGNORE_FILE), 'utf8').catch(() => ''));
  if (!(await isWorkTree(directory))) return { paths: await walk(directory, '', ignore), describe: null };
  const listed = await requireGit(directory, 'ls-files', '-z', '--cached', '--others', '--exclude-standard');
  const paths = [...new Set(listed.split('\0'))].filter(
    (path) => path !== '' && !ignore(path.replace(/\/$/, ''), path.endsWith('/')),
  );
  return { paths, describe: await describeWorkTree(directory) };
}

/** Whether git decides what belongs to the directory: not where the directory itself is ignored, as build output is. */
async function isWorkTree(directory: string): Promise<boolean> {
  const isRepository = await lstat(join(directory, '.git')).then(
    () => true,
    () => false,
  );
  const found = await git(directory, 'rev-parse', '--show-toplevel').catch((error: unknown) => {
    if (isRepository) throw error;
    return null;
  });
  if (found === null) return false;
  if (!found.ok) {
    if (found.why.includes('not a git repository')) return false;
    throw gitFailed(directory, ['rev-parse', '--show-toplevel'], found.why);
  }
  const top = found.out.replace(/\n$/, '');
  const real = await realpath(directory);
  return real === top || !(await git(top, 'check-ignore', '--quiet', '--', real)).ok;
}

/** `git describe`, with `-dirty` as soon as anything differs from the commit, files that git does not know included. */
async function describeWorkTree(directory: string): Promise<string | null> {
  const described = await git(directory, 'describe', '--tags', '--always');
  if (!described.ok) return null;
  const changes = await requireGit(directory, 'status', '--porcelain', '--untracked-files=normal', '--', '.');
  return changes === '' ? described.out.trim() : `${described.out.trim()}-dirty`;
}

export async function describeCommit(directory: string, commit: string): Promise<string | null> {
  const described = await git(directory, 'describe', '--tags', '--always', commit);
  return described.ok ? described.out.trim() : null;
}

const NEVER = new Set(['.git', '.bascule']);

/** Files and links below a directory, and directories that hold nothing. */
async function walk(root: string, inside: string, ignore: Ignore): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(join(root, inside), { withFileTypes: true })) {
    const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
    if (NEVER.has(entry.name) || ignore(path, entry.isDirectory())) continue;
    if (!entry.isDirectory()) paths.push(path);
    else paths.push(...(await walkInto(root, path, ignore)));
  }
  return paths;
}

async function walkInto(root: string, path: string, ignore: Ignore): Promise<string[]> {
  const below = await walk(root, path, ignore);
  return below.length === 0 ? [`${path}/`] : below;
}
