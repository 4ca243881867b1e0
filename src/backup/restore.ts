import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { verifyAgainst } from '../journal/chain.ts';
import { failureOf } from '../journal/sqlite/errors.ts';
import { openExclusively } from '../journal/sqlite/lease.ts';
import { openSqliteJournal } from '../journal/sqlite/open.ts';
import { systemClock } from '../lib/clock.ts';
import { renameDurablySync } from '../lib/durable-file.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { systemRandom } from '../lib/random.ts';
import { FORMAT, FORMAT_VERSION, MANIFEST, type Manifest } from './backup-file.ts';

export type RestoreRequest = {
  readonly stateDir: string;
  readonly file: string;
  /** Copy of the key that signs the journal; null: the one in the state directory. */
  readonly keyFile: string | null;
  /** Puts aside a journal that is there. */
  readonly force: boolean;
};

export type Restored = {
  readonly atMs: number;
  readonly chain: Manifest['chain'];
  readonly services: readonly string[];
  /** Where the former state was put, if there was one. */
  readonly aside: string | null;
};

const MOST_MANIFEST_BYTES = 16 * 1024 * 1024;
const NAME = /^(journal\.db|server\.yaml|artifacts\/[0-9a-f]{64})$/;

/**
 * Puts a backup into a state directory, in which no server may run. Everything is checked first, and only then put in place.
 * Errors: BACKUP_INVALID, STATE_EXISTS, JOURNAL_HELD, JOURNAL_KEY, JOURNAL_NEWER, JOURNAL_CORRUPT, JOURNAL_CHAIN.
 */
export async function restore(request: RestoreRequest): Promise<Restored> {
  const { stateDir, force } = request;
  mkdirSync(stateDir, { recursive: true, mode: 0o711 });
  assertNotInUse(stateDir);
  const exists = existsSync(join(stateDir, 'journal.db'));
  if (exists && !force) {
    throw new OperatingError(
      'STATE_EXISTS',
      `${stateDir} has a journal already; nothing was changed. Name another directory with --state-dir, or give --force to put what is there aside.`,
      { retryable: false },
    );
  }
  const temporary = mkdtempSync(join(stateDir, 'restoring-'));
  try {
    const manifest = await unpack(request.file, temporary);
    const key = keyOf(request);
    const services = check(temporary, key, manifest);
    const aside = exists ? putAside(stateDir, key) : null;
    putInPlace(temporary, stateDir, key);
    return { atMs: manifest.atMs, chain: manifest.chain, services, aside };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Error: JOURNAL_HELD. A journal that cannot be opened is nobody's. */
function assertNotInUse(stateDir: string): void {
  const file = join(stateDir, 'journal.db');
  if (!existsSync(file)) return;
  const holderFile = join(stateDir, 'journal.holder');
  try {
    openExclusively({ file, holderFile }, { pid: process.pid, sinceMs: systemClock.nowMs() }).close();
    rmSync(holderFile, { force: true });
  } catch (error) {
    if (failureOf(error) === 'none') throw error;
  }
}

function keyOf({ keyFile, stateDir }: RestoreRequest): string {
  const path = keyFile ?? join(stateDir, 'keys', 'journal.key');
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new OperatingError(
      'JOURNAL_KEY',
      `The backup was not restored: ${path}, the key that signs its journal, cannot be read (${messageOf(error)}). Nothing was changed. Name your copy of the key with --key; it is not in the backup, on purpose.`,
      { retryable: false, cause: error },
    );
  }
}

/** Into a directory, with every sum compared. Error: BACKUP_INVALID. */
async function unpack(file: string, into: string): Promise<Manifest> {
  const sums = new Map<string, string>();
  let manifest: Manifest | null = null;
  try {
    const tar = extract();
    const reading = pipeline(createReadStream(file), tar);
    reading.catch(() => undefined);
    for await (const entry of tar) {
      const { name, size } = entry.header;
      if (name === MANIFEST && (size ?? 0) < MOST_MANIFEST_BYTES) {
        const parts: Buffer[] = [];
        for await (const chunk of entry as AsyncIterable<Buffer>) parts.push(chunk);
        manifest = JSON.parse(Buffer.concat(parts).toString('utf8')) as Manifest;
        continue;
      }
      if (!NAME.test(name)) throw new Error(`it holds ${JSON.stringify(name)}, which no backup has`);
      const hash = createHash('sha256');
      mkdirSync(dirname(join(into, name)), { recursive: true, mode: 0o700 });
      const hashed = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      };
      await pipeline(
        entry as unknown as AsyncIterable<Buffer>,
        hashed,
        createWriteStream(join(into, name), { mode: 0o600, flush: true }),
      );
      sums.set(name, hash.digest('hex'));
    }
    await reading;
  } catch (error) {
    throw invalid(file, messageOf(error), error);
  }
  if (manifest === null) throw invalid(file, 'it is not whole: its end is missing');
  if (manifest.format !== FORMAT) throw invalid(file, 'it is something else');
  if (manifest.version > FORMAT_VERSION)
    throw invalid(file, `a newer Bascule (${manifest.madeBy}) made it; restore it with that`);
  const wrong = manifest.files.find(({ name, sha256 }) => sums.get(name) !== sha256);
  if (wrong !== undefined) throw invalid(file, `${wrong.name} in it is damaged or missing`);
  if (!sums.has('journal.db')) throw invalid(file, 'it has no journal');
  return manifest;
}

/** Opens the journal as a server would, and walks its chain. Returns the services in it. */
function check(directory: string, key: string, manifest: Manifest): readonly string[] {
  const keyFile = join(directory, 'keys', 'journal.key');
  mkdirSync(dirname(keyFile), { mode: 0o700 });
  writeFileSync(keyFile, key, { mode: 0o400 });
  const journal = openSqliteJournal({
    dir: directory,
    keyFile,
    maxBytes: null,
    clock: systemClock,
    random: systemRandom,
  });
  try {
    const fault = verifyAgainst(journal, manifest.chain);
    if (fault !== null) {
      throw new OperatingError(
        'JOURNAL_CHAIN',
        `The backup was not restored: event ${fault.seq} of its journal does not fit the chain (${fault.why}). Nothing was changed. Take another backup, and find out who changed this one.`,
        { retryable: false },
      );
    }
    return journal.load().flatMap(({ aggregate }) => (aggregate.startsWith('(') ? [] : [aggregate]));
  } finally {
    journal.close();
  }
}

/** What a new journal does not fit: the former one, and the counts that were judged with it. */
function putAside(stateDir: string, key: string): string {
  const aside = mkdtempSync(join(stateDir, 'replaced-'));
  for (const name of readdirSync(stateDir)) {
    if (/^(journal|samples)\.(db|holder)/.test(name)) renameSync(join(stateDir, name), join(aside, name));
  }
  const keyFile = join(stateDir, 'keys', 'journal.key');
  if (existsSync(keyFile) && readFileSync(keyFile, 'utf8') !== key)
    renameSync(keyFile, join(aside, 'journal.key'));
  return aside;
}

/** The journal last: while it is missing, a server does not start on half of it. */
function putInPlace(from: string, stateDir: string, key: string): void {
  const keyFile = join(stateDir, 'keys', 'journal.key');
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
  rmSync(keyFile, { force: true });
  writeFileSync(keyFile, key, { mode: 0o400, flush: true });
  const artifacts = join(from, 'artifacts');
  mkdirSync(join(stateDir, 'artifacts'), { recursive: true, mode: 0o700 });
  for (const name of existsSync(artifacts) ? readdirSync(artifacts) : [])
    renameDurablySync(join(artifacts, name), join(stateDir, 'artifacts', name));
  if (existsSync(join(from, 'server.yaml')) && !existsSync(join(stateDir, 'server.yaml')))
    renameDurablySync(join(from, 'server.yaml'), join(stateDir, 'server.yaml'));
  renameDurablySync(join(from, 'journal.db'), join(stateDir, 'journal.db'));
}

function invalid(file: string, why: string, cause?: unknown): OperatingError {
  return new OperatingError(
    'BACKUP_INVALID',
    `${file} cannot be restored: ${why}. Nothing was changed. Use another backup.`,
    { retryable: false, cause },
  );
}
