import { readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReplicaHealth } from './prober.ts';

/**
 * Which replicas were healthy, kept beside the routes: a proxy that is restarted goes on serving at once instead of
 * answering 503 until every probe has risen again. Not synced and not trusted after a restart of the machine.
 */
export class HealthMemory {
  private readonly path: string;
  private readonly bootId: string;
  /** Whether the machine was restarted since this was kept: nothing runs any more that ran then. */
  isOfAnotherBoot = false;
  private writing: Promise<void> | null = null;
  private next: readonly ReplicaHealth[] | null = null;

  constructor(stateDir: string) {
    this.path = join(stateDir, 'health.json');
    this.bootId = bootId();
  }

  async load(): Promise<ReplicaHealth[]> {
    try {
      const kept = JSON.parse(await readFile(this.path, 'utf8')) as {
        bootId: string;
        healthy: ReplicaHealth[];
      };
      this.isOfAnotherBoot = kept.bootId !== this.bootId;
      return this.isOfAnotherBoot ? [] : kept.healthy;
    } catch {
      // Nothing kept, or not readable: every replica has to show its health anew.
      return [];
    }
  }

  /** Keeps this in a moment; of several in quick succession the last. */
  keep(health: readonly ReplicaHealth[]): void {
    this.next = health.filter((each) => each.healthy);
    this.writing ??= this.write().finally(() => {
      this.writing = null;
    });
  }

  private async write(): Promise<void> {
    while (this.next !== null) {
      const healthy = this.next;
      this.next = null;
      try {
        await writeFile(`${this.path}.tmp`, JSON.stringify({ bootId: this.bootId, healthy }), {
          mode: 0o600,
        });
        await rename(`${this.path}.tmp`, this.path);
      } catch {
        // A convenience for the next start: without it replicas only show their health anew.
      }
    }
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
