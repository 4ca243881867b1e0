import type { Door } from '../router.ts';
import type { Fleet } from './fleet.ts';
import type { PermitMessage } from './messages.ts';
import { PermitBook } from './permit-book.ts';

/** Carries permits from one worker to another, by the book. */
export class PermitDesk {
  readonly #fleet: Pick<Fleet, 'size' | 'tellOne'>;
  readonly #book: PermitBook;

  constructor(fleet: Pick<Fleet, 'size' | 'tellOne'>) {
    this.#fleet = fleet;
    this.#book = new PermitBook(fleet.size);
  }

  /** After the workers were told of the door. */
  install({ service, spec: { proxy }, slots }: Door): void {
    const maxRequests = (proxy.kind === 'builtin' ? proxy.perReplica?.maxRequests : null) ?? null;
    if (maxRequests === null) {
      this.#book.forget(service);
      return;
    }
    this.#book.divide(service, maxRequests, { blue: slots.blue.length, green: slots.green.length });
    this.#tell(service);
  }

  forget(service: string): void {
    this.#book.forget(service);
  }

  /** A worker has begun in place of one that died with what was on its way. */
  renew(): void {
    this.#book.renew();
    for (const service of this.#book.services) this.#tell(service);
  }

  receive(worker: number, message: PermitMessage): void {
    const { service, epoch, slot } = message;
    if (message.kind === 'permitsWanted') {
      for (const { worker: to, search } of this.#book.search(message, worker, message.replicas))
        this.#fleet.tellOne(to, { kind: 'permitsSought', service, epoch, slot, search });
    } else if (this.#book.give(message, worker, message.gift)) {
      const { gift } = message;
      this.#fleet.tellOne(gift.to, { kind: 'permitsGranted', service, epoch, slot, gift });
    }
  }

  #tell(service: string): void {
    for (let worker = 0; worker < this.#fleet.size; worker += 1) {
      const found = this.#book.heldBy(worker, service);
      if (found !== null) this.#fleet.tellOne(worker, { kind: 'permits', service, ...found });
    }
  }
}
