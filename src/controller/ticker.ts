import { messageOf } from '../lib/errors.ts';
import type { Ports } from './ports.ts';

/** Repeats an effect, never two at once; what it throws is logged, never lost. */
export function every(
  ms: number,
  ports: Pick<Ports, 'log'>,
  what: string,
  act: () => Promise<void>,
): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = act()
      .catch((error: unknown) => ports.log.error({ what }, messageOf(error)))
      .finally(() => {
        busy = false;
      });
  }, ms);
  return async () => {
    clearInterval(timer);
    await running;
  };
}
