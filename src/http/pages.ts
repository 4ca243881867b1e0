import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** A file of the dashboard, in every form that it is sent in. */
export type Page = {
  readonly type: string;
  readonly plain: Buffer;
  /** Packed when it was built; null where that would not be smaller. */
  readonly brotli: Buffer | null;
  readonly gzip: Buffer | null;
  readonly etag: string;
  /** Its name has a hash of what is in it. */
  readonly forever: boolean;
};

/** By address: `/`, `/assets/index-Bx3k.js`. Read once: a few hundred KiB. */
export type Pages = ReadonlyMap<string, Page>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What `npm run build:dashboard` made; null where it was not made. */
export function readPages(directory: string): Pages | null {
  if (!existsSync(join(directory, 'index.html'))) return null;
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && TYPES[extname(entry.name)] !== undefined)
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length).replace(/^\/*/, '/'));
  return new Map(
    names.map(
      (name) => [name === '/index.html' ? '/' : name, readPage(join(directory, name), name)] as const,
    ),
  );
}

function readPage(file: string, name: string): Page {
  const plain = readFileSync(file);
  const packed = (ending: string) => (existsSync(file + ending) ? readFileSync(file + ending) : null);
  return {
    type: TYPES[extname(name)]!,
    plain,
    brotli: packed('.br'),
    gzip: packed('.gz'),
    etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 27)}"`,
    forever: name.startsWith('/assets/'),
  };
}
