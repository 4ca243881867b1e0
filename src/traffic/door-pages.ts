import { readFile, stat } from 'node:fs/promises';
import { OperatingError, messageOf } from '../lib/errors.ts';
import type { ErrorPageFiles, PageKind } from '../release/resilience.ts';
import { kindOfPage } from '../release/resolve-resilience.ts';
import type { Door } from './router.ts';

const MOST_BYTES = 65_536;
const MOST_BYTES_IN_ALL = 262_144;

/** By status or `default`, then by kind: texts, so that whoever keeps the door has all that it answers with. */
export type ErrorPages = Readonly<Record<string, Readonly<Partial<Record<PageKind, string>>>>>;

/** The door with the texts of the pages that it names. Errors: TRAFFIC_ERROR_PAGE_UNUSABLE. */
export async function withErrorPages(door: Door): Promise<Door> {
  const files = filesOf(door);
  if (files === null) return door;
  const errorPages: Record<string, Partial<Record<PageKind, string>>> = {};
  let bytes = 0;
  for (const [status, paths] of Object.entries(files)) {
    const texts: Partial<Record<PageKind, string>> = {};
    for (const file of paths) {
      const text = await textOf(file);
      bytes += Buffer.byteLength(text);
      if (bytes > MOST_BYTES_IN_ALL) throw unusable(file, 'with it, all pages are above 256 KiB');
      texts[kindOfPage(file)] = text;
    }
    errorPages[status] = texts;
  }
  return { ...door, errorPages };
}

function filesOf({ spec: { proxy } }: Door): ErrorPageFiles | null {
  return proxy.kind === 'builtin' ? (proxy.errorPages ?? null) : null;
}

/** A file that is read to its end only where it is known to be short. */
async function textOf(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new Error('it is no plain file');
    if (found.size > MOST_BYTES) throw new Error('it is above 64 KiB');
    bytes = await readFile(file);
  } catch (error) {
    throw unusable(file, messageOf(error), error);
  }
  const text = bytes.toString('utf8');
  if (!bytes.equals(Buffer.from(text))) throw unusable(file, 'it is no text in UTF-8');
  if (file.endsWith('.json') && !isJson(text)) throw unusable(file, 'it is no JSON');
  return text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function unusable(file: string, why: string, cause?: unknown): OperatingError {
  return new OperatingError(
    'TRAFFIC_ERROR_PAGE_UNUSABLE',
    `The error page ${file} cannot be used (${why}); the door was not changed. Mend the file or take it out of error-pages, and apply again.`,
    { retryable: false, cause },
  );
}
