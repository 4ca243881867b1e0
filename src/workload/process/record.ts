import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Address } from '../../lib/address.ts';
import { syncDirectory, writeFileDurably } from '../../lib/durable-file.ts';
import type { SlotName } from '../../release/slot.ts';
import type { SessionId } from '../session.ts';

/** What must be known of a replica to find it again after we died. On disk before its command runs. */
export type ReplicaRecord = {
  readonly service: string;
  readonly slot: SlotName;
  readonly replica: number;
  readonly releaseId: string;
  readonly label: string;
  readonly address: Address;
  readonly bootId: string;
  readonly session: SessionId;
  /** By the steady clock. */
  readonly startedAtMs: number;
  readonly stopGraceMs: number;
  readonly crashes: number;
  readonly lastExit: string | null;
};

/** One file per replica: `DIR/SERVICE/SLOT-REPLICA.json`. */
export class Records {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  /**
   * The records of this boot. Others are deleted: their processes ended with the machine, their pids belong to nobody or to
   * strangers. So is what cannot be read, torn by a power cut.
   */
  load(bootId: string): ReplicaRecord[] {
    const found: ReplicaRecord[] = [];
    for (const entry of readdirSync(this.#dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const record = entry.name.endsWith('.json') ? parse(path) : undefined;
      if (record?.bootId === bootId) found.push(record);
      else rmSync(path);
    }
    return found;
  }

  async save(record: ReplicaRecord): Promise<void> {
    const path = this.#path(record);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileDurably(path, JSON.stringify(record), 0o600);
  }

  async remove(record: ReplicaRecord): Promise<void> {
    const path = this.#path(record);
    if (!existsSync(path)) return;
    await rm(path);
    await syncDirectory(dirname(path));
  }

  #path(record: ReplicaRecord): string {
    return join(this.#dir, record.service, `${record.slot}-${record.replica}.json`);
  }
}

function parse(path: string): ReplicaRecord | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as ReplicaRecord;
    return typeof value.session.pid === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}
