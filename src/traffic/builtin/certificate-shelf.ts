import { existsSync } from 'node:fs';
import { OperatingError, messageOf } from '../../lib/errors.ts';
import type { TlsFiles } from '../../release/service.ts';
import type { CertificateObservation, Door } from '../router.ts';
import { type Certificate, readCertificate, stampOf } from './certificate.ts';

export type ShelfOptions = {
  /** The service's certificates are others now. */
  readonly onChange: (service: string) => void;
  readonly log: (text: string) => void;
  /** Where the certificate of a door will be that it asks for itself, or null. */
  readonly awaited?: (door: Door) => TlsFiles | null;
  /** Why a service has not the certificate that it asks for, or null. */
  readonly problemOf?: (service: string) => string | null;
};

type Held = {
  readonly files: TlsFiles;
  /** Nobody has put it there yet, and that is no mistake. */
  readonly isAwaited: boolean;
  /** Null while what was there at the proxy's start could not be read. */
  certificate: Certificate | null;
  /** Of the files as they were read last. */
  stamp: string;
  /** Seen once only, it may be a pair of files between the writing of one and the other. */
  failures: number;
  problem: string | null;
};

/** Failures in a row that make a problem. */
const FAILURES = 2;

/** The certificates of all services: read at the installation, and again when their files change. A broken file leaves the former in use. */
export class CertificateShelf {
  readonly #options: ShelfOptions;
  readonly #services = new Map<string, readonly Held[]>();

  constructor(options: ShelfOptions) {
    this.#options = options;
  }

  /** For the doors that are on disk at the start: what cannot be read now is tried again later. */
  restore(doors: readonly Door[]): void {
    for (const door of doors) {
      const held = this.#filesOf(door).map(({ files, isAwaited }) => fresh(files, isAwaited));
      this.#services.set(door.service, held);
      for (const { problem } of held)
        if (problem !== null) this.#options.log(`${door.service} has no HTTPS for now: ${problem}`);
    }
  }

  /** What a door is to have, without putting it in use. Errors: TRAFFIC_CERTIFICATE_UNUSABLE for files that are new to it. */
  prepare(door: Door): readonly Held[] {
    const before = this.#services.get(door.service) ?? [];
    return this.#filesOf(door).map(({ files, isAwaited }) => {
      const known = before.find((held) => isSame(held.files, files) && held.certificate !== null);
      if (known !== undefined) return known;
      const held = fresh(files, isAwaited);
      if (held.problem === null || isAwaited) return held;
      throw new OperatingError(
        'TRAFFIC_CERTIFICATE_UNUSABLE',
        `The door of ${door.service} was not installed: ${held.problem}. What served before still serves. The proxy reads the files as the user that the server runs as.`,
        { retryable: false },
      );
    });
  }

  put(service: string, held: readonly Held[]): void {
    this.#services.set(service, held);
  }

  forget(service: string): void {
    this.#services.delete(service);
  }

  of(service: string): readonly Certificate[] {
    return (this.#services.get(service) ?? []).flatMap(({ certificate }) => certificate ?? []);
  }

  observe(service: string): readonly CertificateObservation[] {
    return (this.#services.get(service) ?? []).map(({ files, isAwaited, certificate, problem }) => ({
      file: files.certificate,
      names: certificate?.names ?? [],
      notAfterMs: certificate?.notAfterMs ?? null,
      problem: problem ?? (isAwaited ? (this.#options.problemOf?.(service) ?? null) : null),
      ...(isAwaited && { isAskedFor: true as const }),
    }));
  }

  /** Looks whether files have changed. Called every few seconds. */
  look(): void {
    for (const [service, all] of this.#services) {
      // No short cut: each is to be looked at.
      const changed = all.map((held) => this.#lookAt(service, held));
      if (changed.includes(true)) this.#options.onChange(service);
    }
  }

  #filesOf(door: Door): readonly { readonly files: TlsFiles; readonly isAwaited: boolean }[] {
    const { proxy } = door.spec;
    const awaited = this.#options.awaited?.(door) ?? null;
    if (awaited !== null) return [{ files: awaited, isAwaited: true }];
    return (proxy.kind === 'builtin' ? (proxy.tls ?? []) : []).map((files) => ({ files, isAwaited: false }));
  }

  #lookAt(service: string, held: Held): boolean {
    let stamp: string;
    try {
      stamp = stampOf(held.files);
    } catch (error) {
      stamp = messageOf(error);
    }
    if (stamp === held.stamp && held.failures === 0) return false;
    held.stamp = stamp;
    const read = readCertificate(held.files);
    if (typeof read === 'string') {
      this.#failed(service, held, read);
      return false;
    }
    const before = held.certificate;
    held.failures = 0;
    held.problem = null;
    held.certificate = read;
    if (before?.chain === read.chain && before.key === read.key) return false;
    const until = new Date(read.notAfterMs).toISOString();
    this.#options.log(`${service} has a new certificate from ${held.files.certificate}, good until ${until}`);
    return true;
  }

  #failed(service: string, held: Held, problem: string): void {
    held.failures += 1;
    if (held.failures < FAILURES || held.problem === problem) return;
    held.problem = problem;
    const use = held.certificate === null ? 'there is none to serve' : 'the former one stays in use';
    this.#options.log(`${service} has a certificate that cannot be used: ${problem}; ${use}`);
  }
}

function fresh(files: TlsFiles, isAwaited: boolean): Held {
  let stamp = '';
  try {
    stamp = stampOf(files);
  } catch {
    // What is wrong, the reading says.
  }
  const empty = { files, isAwaited, certificate: null, stamp };
  if (isAwaited && !existsSync(files.certificate)) return { ...empty, failures: 0, problem: null };
  const read = readCertificate(files);
  return typeof read === 'string'
    ? { ...empty, failures: FAILURES, problem: read }
    : { ...empty, certificate: read, failures: 0, problem: null };
}

function isSame(a: TlsFiles, b: TlsFiles): boolean {
  return a.certificate === b.certificate && a.key === b.key;
}
