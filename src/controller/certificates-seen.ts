import type { CertificateObservation, DoorObservation } from '../traffic/router.ts';
import type { Log } from './ports.ts';
import type { CertificateView } from './views.ts';

/** What the proxy said last of each service's certificates; a new problem, and its end, are told to the log. */
export class CertificatesSeen {
  readonly #log: Log;
  readonly #services = new Map<string, readonly CertificateObservation[]>();

  constructor(log: Log) {
    this.#log = log;
  }

  note(service: string, { certificates }: DoorObservation): void {
    const before = this.#services.get(service);
    if (certificates === undefined) {
      if (before !== undefined) this.#services.delete(service);
      return;
    }
    this.#services.set(service, certificates);
    for (const { file, problem } of certificates) {
      const was = before?.find((each) => each.file === file)?.problem ?? null;
      if (problem === was) continue;
      if (problem !== null) this.#log.warn({ service }, `a certificate cannot be used: ${problem}`);
      else this.#log.info({ service }, `${file} is in use again`);
    }
  }

  /** Null for none. */
  of(service: string): readonly CertificateView[] | null {
    return this.#services.get(service) ?? null;
  }

  forget(service: string): void {
    this.#services.delete(service);
  }
}
