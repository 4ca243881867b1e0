import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../../lib/errors.ts';
import type { AcmeSpec } from '../../../release/acme.ts';
import { doorHosts } from '../../../release/door-hosts.ts';
import type { TlsFiles } from '../../../release/service.ts';
import type { Door } from '../../router.ts';
import { type Errand, runErrand } from './errand.ts';
import type { Challenge } from './order.ts';
import { OrderBook } from './order-book.ts';
import { afterFailure, type InUse, isDue } from './renewal.ts';

export type AcmeDeskOptions = {
  readonly stateDir: string;
  readonly log: (text: string) => void;
  /** What of the service is in use, or null. */
  readonly inUse: (service: string) => InUse | null;
  /** Resolves once every worker answers these, and no others. */
  readonly tell: (challenges: readonly Challenge[]) => Promise<unknown>;
  /** New files are looked at now. */
  readonly takeUp: () => void;
  readonly nowMs: () => number;
  /** 0 to 1. */
  readonly random: () => number;
};

type Wanted = {
  readonly spec: AcmeSpec;
  readonly names: readonly string[];
  readonly file: string;
  readonly jitter: number;
};

/** Asks for certificates when it is time, one after the other. What is in use stays until a better one is there. */
export class AcmeDesk {
  challenges: readonly Challenge[] = [];
  readonly #options: AcmeDeskOptions;
  readonly #folder: string;
  readonly #book: OrderBook;
  readonly #wanted = new Map<string, Wanted>();
  readonly #stop = new AbortController();
  #isAway = false;

  constructor(options: AcmeDeskOptions) {
    this.#options = options;
    this.#folder = join(options.stateDir, 'acme');
    this.#book = new OrderBook(this.#folder);
  }

  /** Where the certificate of a door is, or will be; null for one that asks for none. */
  filesOf({ service, spec: { proxy } }: Door): TlsFiles | null {
    if (proxy.kind !== 'builtin' || proxy.acme === undefined) return null;
    // Of another authority it is another certificate: one for tests must not stay in place of a real one.
    const file = join(this.#folder, `${service}.${digest(proxy.acme.directory)}.pem`);
    return { certificate: file, key: file };
  }

  follow(door: Door): void {
    const { proxy } = door.spec;
    const files = this.filesOf(door);
    if (files === null || proxy.kind !== 'builtin' || proxy.acme === undefined) {
      this.#wanted.delete(door.service);
      return;
    }
    const names = doorHosts(door.spec).filter((host) => host !== null);
    const jitter = this.#wanted.get(door.service)?.jitter ?? this.#options.random();
    this.#wanted.set(door.service, { spec: proxy.acme, names, file: files.certificate, jitter });
  }

  forget(service: string): void {
    this.#wanted.delete(service);
  }

  /** Why a service has not the certificate that it should have, or null. */
  problemOf(service: string): string | null {
    const wanted = this.#wanted.get(service);
    if (wanted === undefined || !this.#isWanting(service, wanted)) return null;
    const { problem, nextMs } = this.#book.triesOf(keyOf(service, wanted));
    const whom = new URL(wanted.spec.directory).host;
    if (problem === null)
      return this.#options.inUse(service) === null
        ? `${whom} is asked for one, which is not there yet`
        : null;
    return `${whom} gave none for ${wanted.names.join(', ')} (${problem}); it is asked again at ${new Date(nextMs).toISOString()}`;
  }

  /** Called about once a second. */
  tick(): void {
    const nowMs = this.#options.nowMs();
    if (this.#isAway || !this.#book.hasRoom(nowMs)) return;
    for (const [service, wanted] of this.#wanted) {
      if (!this.#isWanting(service, wanted)) continue;
      if (this.#book.triesOf(keyOf(service, wanted)).nextMs > nowMs) continue;
      void this.#ask(service, wanted, nowMs);
      return;
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  #isWanting(service: string, { names, jitter }: Wanted): boolean {
    return isDue(names, this.#options.inUse(service), { nowMs: this.#options.nowMs(), jitter });
  }

  async #ask(service: string, wanted: Wanted, atMs: number): Promise<void> {
    const { log, random, nowMs } = this.#options;
    const key = keyOf(service, wanted);
    this.#isAway = true;
    try {
      this.#book.begin(atMs);
      log(`${service}: asking ${wanted.spec.directory} for a certificate for ${wanted.names.join(', ')}`);
      const why = await runErrand(this.#errandFor(wanted), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      const tries = why === null ? null : afterFailure(this.#book.triesOf(key), why, nowMs(), random());
      this.#book.end(key, tries);
      log(
        why === null
          ? `${service}: the certificate is there`
          : `${service}: ${this.problemOf(service) ?? why}`,
      );
      await this.#answer([]);
      // Before it is in use it would be asked for again.
      if (why === null) this.#options.takeUp();
    } catch (error) {
      log(`${service}: no certificate could be asked for: ${messageOf(error)}`);
      await new Promise((resolve) => setTimeout(resolve, BROKEN_MS));
    } finally {
      this.#isAway = false;
    }
  }

  #errandFor({ spec, names, file }: Wanted): Errand {
    const { email, directory, authority } = spec;
    const accountKeyFile = join(this.#folder, `account.${digest(directory)}.pem`);
    return {
      order: { names, email, directory, accountKeyFile, file },
      authority,
      answer: (challenge) => this.#answer([...this.challenges, challenge]),
    };
  }

  async #answer(challenges: readonly Challenge[]): Promise<void> {
    this.challenges = challenges;
    await this.#options.tell(challenges);
  }
}

/** A disk that is full, say. */
const BROKEN_MS = 60_000;

/** Of other names, or with another authority, it is another matter: nobody waits for what failed before. */
function keyOf(service: string, { spec, names }: Wanted): string {
  return `${service} ${digest([spec.directory, spec.authority, spec.email, ...names].join(' '))}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
