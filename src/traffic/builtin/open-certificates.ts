import type { ServiceState } from '../state-store.ts';
import { AcmeDesk } from './acme/acme-desk.ts';
import { CertificateShelf } from './certificate-shelf.ts';
import type { Fleet } from './fleet.ts';

/** Certificates of the doors that are on disk: those in use, and whoever asks for those that are missing. */
export function openCertificates(
  stateDir: string,
  restored: readonly ServiceState[],
  log: (text: string) => void,
  fleet: () => Fleet,
): { readonly acme: AcmeDesk; readonly shelf: CertificateShelf } {
  const acme = new AcmeDesk({
    stateDir,
    log,
    nowMs: Date.now,
    random: Math.random,
    inUse: (service) => shelf.of(service)[0] ?? null,
    takeUp: () => shelf.look(),
    tell: (challenges) => fleet().ask({ op: 'challenges', challenges }),
  });
  const shelf: CertificateShelf = new CertificateShelf({
    log,
    awaited: (door) => acme.filesOf(door),
    problemOf: (service) => acme.problemOf(service),
    onChange: (service) => fleet().tell({ kind: 'certificates', service, certificates: shelf.of(service) }),
  });
  for (const { door } of restored) acme.follow(door);
  shelf.restore(restored.map(({ door }) => door));
  return { acme, shelf };
}
