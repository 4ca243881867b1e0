import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory, writeFileDurably } from '../lib/durable-file.ts';
import { OperatingError, messageOf } from '../lib/errors.ts';
import type { Door, Route } from './router.ts';

/** All that a data plane has to keep of a service. */
export type ServiceState = { readonly door: Door; readonly route: Route | null };

const FORMAT = 'bascule proxy service';
const VERSION = 1;

/**
 * Doors and routes on disk, one file per service. A write is complete when the file and its directory are synced, and a
 * file is whole or not there at all; one that does not check out is refused, never served as empty.
 */
export class StateStore {
  private readonly directory: string;
  private readonly writes = new Map<string, Writing>();

  constructor(stateDir: string) {
    this.directory = join(stateDir, 'services');
  }

  /** What does not check out is put aside and told: its service is not served until the controller gives it anew. */
  async load(damaged: (error: OperatingError) => void): Promise<ServiceState[]> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const states: ServiceState[] = [];
    for (const name of (await readdir(this.directory)).sort()) {
      if (name.endsWith('.tmp')) await unlink(join(this.directory, name));
      if (!name.endsWith('.json')) continue;
      const state = this.read(name);
      if (state instanceof OperatingError) {
        await rename(join(this.directory, name), join(this.directory, `${name}.damaged`));
        damaged(state);
      } else states.push(state);
    }
    return states;
  }

  /**
   * Resolves when this state, or a later one of the same service, is durable. Writes of one service never overlap;
   * what comes while one is under way is written together after it. Errors: TRAFFIC_STATE_UNWRITABLE.
   */
  async save(state: ServiceState): Promise<void> {
    await this.enqueue(state.door.service, state);
  }

  /** Errors: TRAFFIC_STATE_UNWRITABLE. */
  async remove(service: string): Promise<void> {
    await this.enqueue(service, null);
  }

  private async enqueue(service: string, state: ServiceState | null): Promise<void> {
    const writing = this.writes.get(service);
    if (writing !== undefined) {
      writing.next = state;
      writing.after ??= writing.now.then(
        () => this.start(service, writing.next),
        () => this.start(service, writing.next),
      );
      await writing.after;
      return;
    }
    await this.start(service, state);
  }

  private async start(service: string, state: ServiceState | null): Promise<void> {
    const now = state === null ? this.unlink(service) : this.write(state);
    const writing: Writing = { now, next: null, after: null };
    this.writes.set(service, writing);
    try {
      await now;
    } finally {
      if (this.writes.get(service) === writing && writing.after === null) this.writes.delete(service);
    }
  }

  private async write(state: ServiceState): Promise<void> {
    const path = this.path(state.door.service);
    try {
      await writeFileDurably(path, encode(state), 0o600);
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  private async unlink(service: string): Promise<void> {
    try {
      await unlink(this.path(service));
      await syncDirectory(this.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unwritable(this.path(service), error);
    }
  }

  /** At once: nobody is served before all are read, and a thousand waits for a busy machine's disk threads are seconds. */
  private read(name: string): ServiceState | OperatingError {
    const path = join(this.directory, name);
    const state = decode(readFileSync(path, 'utf8'));
    if (typeof state !== 'string' && `${state.door.service}.json` === name) return state;
    const why = typeof state === 'string' ? state : `it describes ${state.door.service}`;
    return new OperatingError(
      'TRAFFIC_STATE_DAMAGED',
      `${path} is not a whole state file of this version (${why}). It was put aside as ${name}.damaged; its service is not served until the controller gives its door and route anew, which it does by itself. The others are.`,
      { retryable: false },
    );
  }

  private path(service: string): string {
    return join(this.directory, `${service}.json`);
  }
}

type Writing = {
  readonly now: Promise<void>;
  /** What is to be written after it; null for a removal. */
  next: ServiceState | null;
  after: Promise<void> | null;
};

function encode(state: ServiceState): string {
  const body = JSON.stringify(state);
  return `${JSON.stringify({ format: FORMAT, version: VERSION, sha256: digest(body) })}\n${body}\n`;
}

/** The state, or what is wrong with the text. */
function decode(text: string): ServiceState | string {
  const [first, body, rest] = text.split('\n');
  if (first === undefined || body === undefined || rest !== '') return 'it is cut off';
  let header: { format?: unknown; version?: unknown; sha256?: unknown };
  try {
    header = JSON.parse(first) as typeof header;
  } catch {
    return 'its first line is not JSON';
  }
  if (header.format !== FORMAT) return 'it is something else';
  if (header.version !== VERSION)
    return `it is of version ${String(header.version)}, this proxy reads ${VERSION}`;
  if (header.sha256 !== digest(body)) return 'its checksum is wrong';
  const state = JSON.parse(body) as ServiceState;
  // Written by a proxy that had no private addresses yet.
  return { ...state, door: { ...state.door, preview: state.door.preview ?? null } };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function unwritable(path: string, cause: unknown): OperatingError {
  return new OperatingError(
    'TRAFFIC_STATE_UNWRITABLE',
    `The proxy could not write ${path} (${messageOf(cause)}). It may already route as asked, but would not after a restart. Free the disk or mend its permissions, and repeat.`,
    { retryable: true, cause },
  );
}
