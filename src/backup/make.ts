import { createHash } from 'node:crypto';
import { createReadStream, existsSync, openSync, readdirSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pack, type Pack } from 'tar-stream';
import type { SqliteJournal } from '../journal/sqlite/journal.ts';
import { OperatingError } from '../lib/errors.ts';
import { FORMAT, FORMAT_VERSION, MANIFEST, type Manifest } from './backup-file.ts';

export type BackupSource = {
  readonly stateDir: string;
  readonly journal: Pick<SqliteJournal, 'copyTo' | 'head'>;
  readonly version: string;
  readonly nowMs: () => number;
};

/** One at a time: the copy of the journal has one name, so that none is left behind for ever. */
const COPY = 'journal.backup';

/**
 * Makes backups of a server that runs. The journal is copied as it is at this moment, in one step; rollouts and traffic go on.
 * Errors: JOURNAL_FULL, JOURNAL_FAILED, BACKUP_UNDER_WAY. Once the stream has begun, it breaks off: then there is no backup.
 */
export function backups(source: BackupSource): () => Readable {
  let busy = false;
  return () => {
    if (busy)
      throw new OperatingError('BACKUP_UNDER_WAY', 'Another backup is being made; this one was not begun.', {
        retryable: true,
      });
    const copy = join(source.stateDir, COPY);
    rmSync(copy, { force: true });
    source.journal.copyTo(copy);
    const chain = source.journal.head();
    // Open from here on, so that what is pruned meanwhile is still read.
    const files = filesOf(source.stateDir).map(({ name, path }) => ({
      name,
      path,
      descriptor: openSync(path, 'r'),
    }));
    rmSync(copy, { force: true });
    const tar = pack();
    busy = true;
    tar.once('close', () => (busy = false));
    void write(tar, files, { madeBy: source.version, atMs: source.nowMs(), chain }).catch((error: unknown) =>
      tar.destroy(error instanceof Error ? error : new Error(String(error))),
    );
    return Readable.from(tar);
  };
}

type Found = { readonly name: string; readonly path: string };
type Opened = Found & { readonly descriptor: number };

function filesOf(stateDir: string): readonly Found[] {
  const server = join(stateDir, 'server.yaml');
  const artifacts = join(stateDir, 'artifacts');
  const digests = existsSync(artifacts)
    ? readdirSync(artifacts).filter((name) => /^[0-9a-f]{64}$/.test(name))
    : [];
  return [
    { name: 'journal.db', path: join(stateDir, COPY) },
    ...(existsSync(server) ? [{ name: 'server.yaml', path: server }] : []),
    ...digests.map((digest) => ({ name: `artifacts/${digest}`, path: join(artifacts, digest) })),
  ];
}

async function write(
  tar: Pack,
  files: readonly Opened[],
  about: Pick<Manifest, 'madeBy' | 'atMs' | 'chain'>,
): Promise<void> {
  const written: { name: string; bytes: number; sha256: string }[] = [];
  for (const { name, descriptor } of files) {
    const { size } = await stat(`/proc/self/fd/${descriptor}`);
    const hash = createHash('sha256');
    const entry = tar.entry({ name, size, mode: 0o600 });
    const content = createReadStream('', { fd: descriptor, start: 0, end: Math.max(0, size - 1) });
    for await (const chunk of content as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (!entry.write(chunk)) await drained(entry, tar);
    }
    entry.end(undefined);
    written.push({ name, bytes: size, sha256: hash.digest('hex') });
  }
  const manifest: Manifest = { format: FORMAT, version: FORMAT_VERSION, ...about, files: written };
  tar.entry({ name: MANIFEST, mode: 0o600 }, JSON.stringify(manifest, null, 2));
  tar.finalize();
}

/** Until there is room again, or nobody reads any more. */
function drained(entry: NodeJS.EventEmitter, tar: Pack): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('nobody reads the backup any more'));
    tar.once('close', closed);
    entry.once('drain', () => {
      tar.off('close', closed);
      resolve();
    });
  });
}
