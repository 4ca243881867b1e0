import type { Prober } from '../prober.ts';
import type { Door } from '../router.ts';
import type { ServiceState } from '../state-store.ts';
import { EjectionDesk } from './ejection-desk.ts';
import type { Fleet } from './fleet.ts';
import type { ReplicaMessage } from './messages.ts';
import { PermitDesk } from './permit-desk.ts';

export type ReplicaDeskParts = {
  readonly fleet: Pick<Fleet, 'size' | 'tell' | 'tellOne'>;
  readonly prober: Pick<Prober, 'observe'>;
  readonly stateOf: (service: string) => ServiceState | null;
  readonly log: (text: string) => void;
};

/** What all workers together do about replicas beyond their health: how much each may have in flight, and who is left out for a while. */
export class ReplicaDesk {
  readonly ejections: EjectionDesk;
  readonly #permits: PermitDesk;

  constructor({ fleet, prober, stateOf, log }: ReplicaDeskParts) {
    this.#permits = new PermitDesk(fleet);
    this.ejections = new EjectionDesk({
      prober,
      stateOf,
      tell: (message) => fleet.tell(message),
      log,
      nowMs: () => performance.now(),
      random: Math.random,
    });
  }

  /** After the workers were told of the door. */
  install(door: Door): void {
    this.#permits.install(door);
    this.ejections.renew();
  }

  /** After health or a route has changed. */
  review(service: string): void {
    this.ejections.review(service);
  }

  forget(service: string): void {
    this.#permits.forget(service);
    this.ejections.forget(service);
  }

  /** A worker has begun. */
  renew(): void {
    this.#permits.renew();
    this.ejections.renew();
  }

  receive(worker: number, message: ReplicaMessage): void {
    if (message.kind === 'outlier') this.ejections.receive(message);
    else this.#permits.receive(worker, message);
  }
}
