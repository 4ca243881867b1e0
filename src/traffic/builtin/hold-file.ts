import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from '../../lib/durable-file.ts';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import type { HoldWay } from '../hold-port.ts';
import type { Hold } from '../router.ts';

/** What is kept of a service of another proxy. */
export type HeldService = {
  readonly way: HoldWay;
  /** On 127.0.0.1. */
  readonly port: number;
  readonly revision: number;
  readonly hold: Hold | null;
  /** Unix time at which the hold ends by itself. */
  readonly untilMs: number;
};

const FORMAT = 'bascule proxy holds 1';

/** The ways and holds of other proxies on disk: whole, or not there at all. */
export class HoldFile {
  private readonly path: string;

  constructor(stateDir: string) {
    this.path = join(stateDir, 'holds.json');
  }

  /** A file that is not whole is told and taken for empty: then nobody waits until the routers open their ways anew. */
  async read(onDamaged: (error: OperatingError) => void): Promise<HeldService[]> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      onDamaged(this.damaged(messageOf(error), error));
      return [];
    }
    const kept = parse(text);
    if (kept?.format === FORMAT) return kept.services;
    onDamaged(this.damaged('it is not what this version writes', null));
    return [];
  }

  /** Error: TRAFFIC_STATE_UNWRITABLE. */
  async write(services: readonly HeldService[]): Promise<void> {
    try {
      await writeFileDurably(this.path, `${JSON.stringify({ format: FORMAT, services })}\n`, 0o600);
    } catch (error) {
      throw new OperatingError(
        'TRAFFIC_STATE_UNWRITABLE',
        `The proxy could not write ${this.path} (${messageOf(error)}). It obeys already, but would not after a restart. Free the disk or mend its permissions, and repeat.`,
        { retryable: true, cause: error },
      );
    }
  }

  private damaged(why: string, cause: unknown): OperatingError {
    return new OperatingError(
      'TRAFFIC_STATE_DAMAGED',
      `${this.path} cannot be read (${why}): requests of other proxies do not wait until their routers open the ways anew, as they do when the controller starts.`,
      { retryable: false, cause },
    );
  }
}

function parse(text: string): { readonly format?: string; readonly services: HeldService[] } | null {
  try {
    return JSON.parse(text) as { format?: string; services: HeldService[] };
  } catch {
    return null;
  }
}
