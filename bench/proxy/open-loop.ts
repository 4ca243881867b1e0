/**
 * Requests whose times are drawn beforehand, as those of people who know nothing of each other: PORT, requests a second, seconds,
 * cookies. What a request takes is counted from its time, also where it could not be sent then, so that a proxy that stalls
 * is not asked less for it. Tells the microseconds of each, and how late this process itself was.
 *
 * It never sleeps while it sends: a timer would be late by up to a millisecond. That takes a core.
 */
import { Connection } from '../../test/e2e/load/connection.ts';

/** In microseconds, ascending. */
export type Latencies = {
  readonly taken: readonly number[];
  /** From a request's time to when this process came to send it. */
  readonly late: readonly number[];
  readonly errors: number;
};

const CONNECTIONS = 64;
const LIMITS = { idleMs: 10_000, totalMs: 10_000 };
const END_MS = 15_000;

async function main(
  port: number,
  perSecond: number,
  seconds: number,
  cookies: readonly string[],
): Promise<void> {
  const times = draw(perSecond, seconds * 1000);
  const free = Array.from(
    { length: CONNECTIONS },
    () => new Connection({ host: '127.0.0.1', port }, () => errors++),
  );
  const waiting: number[] = [];
  const taken: number[] = [];
  const late: number[] = [];
  let errors = 0;
  let at = 0;
  const beganMs = performance.now();
  const ask = (connection: Connection, dueMs: number, i: number): void => {
    const cookie = cookies.length === 0 ? '' : `Cookie: ${cookies[i % cookies.length]}\r\n`;
    let status = 0;
    const over = (isGood: boolean): void => {
      if (isGood) taken.push(Math.round((performance.now() - dueMs) * 1000));
      else errors++;
      free.push(connection);
      const next = waiting.shift();
      if (next !== undefined) ask(free.pop()!, next, i + 1);
    };
    connection.send({
      method: 'GET',
      request: `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${cookie}\r\n`,
      limits: LIMITS,
      head: (head) => (status = head.status),
      body: () => undefined,
      end: () => over(status === 200),
      failed: () => over(false),
    });
  };
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      const nowMs = performance.now();
      for (; at < times.length && beganMs + times[at]! <= nowMs; at++) {
        const dueMs = beganMs + times[at]!;
        late.push(Math.round((nowMs - dueMs) * 1000));
        if (free.length > 0) ask(free.pop()!, dueMs, at);
        else waiting.push(dueMs);
      }
      const isOver = at === times.length && taken.length + errors >= times.length;
      if (isOver || nowMs > beganMs + seconds * 1000 + END_MS) resolve();
      else setImmediate(turn);
    };
    turn();
  });
  errors += times.length - taken.length - errors;
  process.send!({ taken: ascending(taken), late: ascending(late), errors } satisfies Latencies);
}

function ascending(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** Exponential gaps: a Poisson process. */
function draw(perSecond: number, withinMs: number): number[] {
  const times: number[] = [];
  for (let ms = 0; ms < withinMs; ms += (-Math.log(1 - Math.random()) * 1000) / perSecond) times.push(ms);
  return times;
}

const [port, perSecond, seconds, ...cookies] = process.argv.slice(2);
process.once('disconnect', () => process.exit());
await main(Number(port), Number(perSecond), Number(seconds), cookies);
