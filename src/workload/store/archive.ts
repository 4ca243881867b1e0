import { createReadStream } from 'node:fs';
import { link, mkdir, open, symlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type ExtractEvents } from 'tar-stream';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { EntryGuard, type SafeEntry } from './entry.ts';
import type { StoreLimits } from './limits.ts';

/** Reads a whole archive and keeps nothing. Errors: ARTIFACT_UNSAFE, ARTIFACT_TOO_LARGE. */
export async function checkArchive(path: string, limits: StoreLimits): Promise<void> {
  await readArchive(path, limits, async (_entry, content) => {
    for await (const chunk of content) void chunk;
  });
}

/** Unpacks below an existing, empty directory. Errors: those of `checkArchive`, and of the file system. */
export async function unpackArchive(path: string, directory: string, limits: StoreLimits): Promise<void> {
  await readArchive(path, limits, async (entry, content) => {
    if (entry.kind === 'root') return;
    const target = join(directory, entry.path);
    await mkdir(entry.kind === 'directory' ? target : dirname(target), { recursive: true, mode: 0o755 });
    if (entry.kind === 'file') await writeFile(target, entry.mode, content);
    else if (entry.kind === 'directory') await setMode(target, entry.mode);
    else if (entry.kind === 'symlink') await symlink(entry.target, target);
    else await link(join(directory, entry.target), target);
  });
}

type Entry = ExtractEvents['entry'][1];
type Visit = (entry: SafeEntry, content: AsyncIterable<Uint8Array>) => Promise<void>;

async function readArchive(path: string, limits: StoreLimits, visit: Visit): Promise<void> {
  const unpacking = extract();
  const counted = async function* count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const chunk of source) {
      bytes += chunk.length;
      // Counts the whole stream, so that neither a huge file nor endless headers out of a small gzip go on for ever.
      if (bytes > limits.unpackedBytes) throw tooLarge(`more than ${limits.unpackedBytes} bytes unpacked`);
      yield chunk;
    }
  };
  const source = createReadStream(path);
  const feeding = (await isGzip(path))
    ? pipeline(source, createGunzip(), counted, unpacking)
    : pipeline(source, counted, unpacking);
  // Awaited below; without this, a failure before that would count as unhandled.
  feeding.catch(() => undefined);
  try {
    await visitAll(unpacking, limits, visit);
    await feeding;
  } catch (error) {
    unpacking.destroy();
    source.destroy();
    // What breaks the feeding (a bad gzip, our own limit) says more than the broken reading that follows from it.
    const cause = await feeding.then(
      () => error,
      (failure: unknown) => (failure instanceof OperatingError ? failure : error),
    );
    throw asArtifactError(cause);
  }
}

async function visitAll(unpacking: AsyncIterable<Entry>, limits: StoreLimits, visit: Visit): Promise<void> {
  const guard = new EntryGuard();
  let entries = 0;
  for await (const entry of unpacking) {
    entries += 1;
    if (entries > limits.entries) throw tooLarge(`more than ${limits.entries} entries`);
    const { name, type, mode, linkname } = entry.header;
    const safe = guard.check({ name, type, mode, linkname });
    await visit(safe, entry as AsyncIterable<Uint8Array>);
    entry.resume(); // what the visitor did not read of it
  }
}

async function writeFile(path: string, mode: number, content: AsyncIterable<Uint8Array>): Promise<void> {
  // Never through a link and never over a file: both would mean that the guard is wrong.
  const file = await open(path, 'wx', mode);
  try {
    for await (const chunk of content) await writeAll(file, chunk);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    offset += (await file.write(chunk, offset)).bytesWritten;
  }
}

async function setMode(path: string, mode: number): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.chmod(mode);
  } finally {
    await directory.close();
  }
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

export function tooLarge(what: string): OperatingError {
  return new OperatingError(
    'ARTIFACT_TOO_LARGE',
    `The artifact was refused: it has ${what}. Nothing of it was kept; leave out what need not be shipped, or raise the ` +
      `limit in the server's file.`,
    { retryable: false },
  );
}

/** Errors of the file system (a full disk) stay what they are; all others mean that the archive is broken. */
function asArtifactError(error: unknown): unknown {
  if (error instanceof OperatingError || (error as NodeJS.ErrnoException).syscall !== undefined) return error;
  return new OperatingError(
    'ARTIFACT_UNSAFE',
    `The artifact was refused: it cannot be read as a tar archive (${messageOf(error)}). Nothing of it was kept; ` +
      `pack it again and deploy again.`,
    { retryable: false, cause: error },
  );
}
