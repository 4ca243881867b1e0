import { messageOf } from '../lib/errors.ts';
import type { Ports } from './ports.ts';

/**
 * Repeats one act per service, never two of a service at once; a service that is slow or fails holds up no other one. What
 * an act throws is logged, never lost.
 */
export class Rounds {
  readonly #ports: Pick<Ports, 'log'>;
  readonly #what: string;
  readonly #act: (service: string) => Promise<void>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();

  constructor(ports: Pick<Ports, 'log'>, what: string, act: (service: string) => Promise<void>) {
    this.#ports = ports;
    this.#what = what;
    this.#act = act;
  }

  /** Acts now, unless it does already. */
  run(service: string): void {
    if (this.#running.has(service)) return;
    const acting = this.#once(service).finally(() => {
      this.#running.delete(service);
      if (this.#again.delete(service)) this.run(service);
    });
    this.#running.set(service, acting);
  }

  /** Acts now, and once more when it does already: what it looks at has changed. */
  runAnew(service: string): void {
    if (this.#running.has(service)) this.#again.add(service);
    else this.run(service);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    this.#again.clear();
    await Promise.all(this.#running.values());
  }

  async #once(service: string): Promise<void> {
    try {
      await this.#act(service);
    } catch (error) {
      this.#ports.log.error({ service, what: this.#what }, messageOf(error));
    }
  }
}
