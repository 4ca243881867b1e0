import { isRetryable, messageOf } from '../lib/errors.ts';
import type { BareEvent } from './engine.ts';
import type { Decisions } from './tenure.ts';
import type { Ports } from './ports.ts';

export const FIRST_RETRY_MS = 100;
export const LAST_RETRY_MS = 5000;

/** What every effect needs: to be tried again, to be given up when nobody wants it, and to be recorded. */
export class Effort {
  readonly stopping: AbortSignal;
  readonly #ports: Ports;
  readonly #engine: Decisions;

  constructor(ports: Ports, engine: Decisions, stopping: AbortSignal) {
    this.#ports = ports;
    this.#engine = engine;
    this.stopping = stopping;
  }

  /** Tries until it works, nobody wants it any more, the service is gone, or the controller stops. */
  async quietly(
    service: string,
    what: string,
    { act, wanted }: { readonly act: () => Promise<unknown>; readonly wanted: (error: unknown) => boolean },
  ): Promise<void> {
    let failed: unknown = null;
    for (
      let waitMs = FIRST_RETRY_MS;
      !this.stopping.aborted && this.#engine.find(service) !== null && wanted(failed);
      waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)
    ) {
      try {
        await act();
        return;
      } catch (error) {
        failed = error;
        this.#ports.log.warn({ service, what }, messageOf(error));
        await this.pause(waitMs);
      }
    }
  }

  /** The result must reach the journal: what is not there did not happen and would be done again. */
  async report(service: string, event: BareEvent, id: string): Promise<void> {
    for (
      let waitMs = FIRST_RETRY_MS;
      !this.stopping.aborted && this.#engine.find(service) !== null;
      waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)
    ) {
      await this.#engine.turn();
      // It may be gone by now.
      if (this.#engine.find(service) === null) return;
      try {
        this.#engine.post(service, event, 'bascule', { finished: [id] });
        return;
      } catch (error) {
        if (!isRetryable(error)) throw error;
        this.#ports.log.error({ service, event: event.kind }, `cannot record: ${messageOf(error)}`);
        await this.pause(waitMs);
      }
    }
  }

  async pause(ms: number): Promise<void> {
    await this.#ports.timers.sleep(ms, this.stopping);
  }
}
