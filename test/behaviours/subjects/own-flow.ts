import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { send, waitFor } from '../../../src/traffic/conformance.ts';
import type { OwnCase } from '../case.ts';
import { type Staged, slot, staged } from './own-doors.ts';

const HOLD = { maxMs: 20_000, maxRequests: 100, maxBytes: 10_000_000 };

function ask({ stage }: Staged, path = '/', method = 'GET'): Promise<string> {
  return send({ port: stage.port, path, method }).then(
    ({ status, body }) => `${status} ${body.split('-')[0]!.trim()}`,
    () => 'broken',
  );
}

/** How many of so many requests got another answer than 200. */
async function failing(at: Staged, times: number, method = 'GET'): Promise<number> {
  const answers = await Promise.all(Array.from({ length: times }, () => ask(at, '/', method)));
  return answers.filter((answer) => !answer.startsWith('200')).length;
}

export const HOLDS: readonly OwnCase[] = [
  staged('requests wait in a hold, and are released in order', '0123456789', async (at) => {
    const order: string[] = [];
    for (const each of at.stage.applications.green)
      each.on.set('/', (req, res) => {
        order.push(req.url!.slice(-1));
        res.end('green');
      });
    const replicas = { blue: 1, green: 1 };
    await at.stage.route({ serve: 'blue', replicas, hold: HOLD });
    const waiting: Promise<string>[] = [];
    for (let i = 0; i < 10; i += 1) {
      waiting.push(ask(at, `/?${i}`));
      await at.stage.observed((seen) => seen.held === i + 1);
    }
    await at.stage.route({ serve: 'green', replicas });
    await Promise.all(waiting);
    return order.join('');
  }),
  staged('the health path answers during a hold', '200 well', async (at) => {
    await at.stage.route({ serve: 'blue', hold: HOLD });
    const answer = await ask(at, '/healthz');
    await at.stage.route({ serve: 'blue' });
    return answer;
  }),
  staged('a hold ends by itself', '200 blue', async (at) => {
    await at.stage.route({ serve: 'blue', hold: { ...HOLD, maxMs: 300 } });
    return ask(at);
  }),
  staged('past the bound of a hold', '503, Retry-After 1', async (at) => {
    await at.stage.route({ serve: 'blue', hold: { ...HOLD, maxRequests: 1 } });
    const first = ask(at);
    await at.stage.observed((seen) => seen.held === 1);
    const { status, headers } = await send({ port: at.stage.port, path: '/' });
    await at.stage.route({ serve: 'blue' });
    await first;
    return `${status}, Retry-After ${headers['retry-after']}`;
  }),
  staged('a door that is taken away fails who waits, with the reason', '503, was taken away', async (at) => {
    await at.stage.route({ serve: 'blue', hold: HOLD });
    const waiting = send({ port: at.stage.port, path: '/' });
    await at.stage.observed((seen) => seen.held === 1);
    await at.bench.router.remove(at.stage.door.service);
    const { body } = await waiting;
    return `${body.slice(0, 3)}, ${/was taken away/.exec(body)?.[0] ?? body}`;
  }),
  staged('a client that leaves a hold is forgotten', '0 held, 0 asked', async (at) => {
    await at.stage.route({ serve: 'blue', hold: HOLD });
    const req = request({ port: at.stage.port, path: '/left' }).end();
    req.on('error', () => {});
    await at.stage.observed((seen) => seen.held === 1);
    req.destroy();
    await at.stage.observed((seen) => (seen.held ?? 0) === 0);
    await at.stage.route({ serve: 'blue' });
    await ask(at);
    const asked = at.stage.applications.blue.flatMap((each) => each.asked).filter((path) => path === '/left');
    return `0 held, ${asked.length} asked`;
  }),
];

export const DRAINS: readonly OwnCase[] = [
  staged('what is in flight at a switch may end', '200 blue, next 200 green', async (at) => {
    const slow = ask(at, '/slow?300');
    await at.stage.applications.arrived('/slow');
    await at.stage.route({ serve: 'green' });
    const next = await ask(at);
    return `${await slow}, next ${next}`;
  }),
  staged('what outlasts the drain is cut', '503', async (at) => {
    const slow = ask(at, '/slow?20000');
    await at.stage.applications.arrived('/slow');
    await at.stage.route({ serve: 'green' });
    return (await slow).slice(0, 3);
  }),
  staged('a WebSocket is closed at the end of its grace, with 1001', 'close frame 1001', async (at) => {
    for (const each of at.stage.applications.blue)
      each.server.on('upgrade', (_req, socket) => {
        socket.on('error', () => {});
        socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      });
    const socket = connect(at.stage.port, '127.0.0.1');
    const bytes: Buffer[] = [];
    socket.on('error', () => {});
    socket.on('data', (part: Buffer) => bytes.push(part));
    // On a busy machine it is over before the route is known to stand.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await waitFor(
      async () => bytes.length,
      (count) => count > 0,
    );
    await at.stage.route({ serve: 'green' });
    await closed;
    const all = Buffer.concat(bytes);
    return all.subarray(-4).equals(Buffer.from([0x88, 2, 0x03, 0xe9])) ? 'close frame 1001' : 'cut';
  }),
  staged('an event stream is ended at the end of its grace, properly', 'ended', async (at) => {
    for (const each of at.stage.applications.blue)
      each.on.set('/events', (_req, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write('data: 1\n\n');
      });
    const stream = ask(at, '/events');
    await at.stage.observed((seen) => seen.slots.blue.streams === 1);
    await at.stage.route({ serve: 'green' });
    return (await stream).startsWith('200') ? 'ended' : 'broken off';
  }),
  staged('a switch under 40 requests fails none', '0 failed', async (at) => {
    const asked = failing(at, 40);
    await at.stage.route({ serve: 'green' });
    return `${(await asked) + (await failing(at, 20))} failed`;
  }),
];

export const FAILURES: readonly OwnCase[] = [
  staged(
    'a replica that refuses connections costs no request while there is another',
    '0 failed',
    async (at) => {
      await at.stage.applications.blue[0]!.close();
      return `${(await failing(at, 20)) + (await failing(at, 20, 'POST'))} failed`;
    },
  ),
  staged(
    'a GET that an application drops without an answer is sent once more, elsewhere',
    '200, received 2',
    async (at) => {
      let received = 0;
      for (const each of at.stage.applications.blue)
        each.on.set('/once', (req, res) => {
          received += 1;
          if (received === 1) req.socket.destroy();
          else res.end('blue');
        });
      return `${(await ask(at, '/once')).slice(0, 3)}, received ${received}`;
    },
  ),
  staged('a POST that an application drops is not sent again', '502, received 1', async (at) => {
    let received = 0;
    for (const each of at.stage.applications.blue)
      each.on.set('/once', (req) => {
        received += 1;
        req.socket.destroy();
      });
    return `${(await ask(at, '/once', 'POST')).slice(0, 3)}, received ${received}`;
  }),
  staged('an answer that has begun is not sent for again', 'broken, received 1', async (at) => {
    let received = 0;
    for (const each of at.stage.applications.blue)
      each.on.set('/begun', (req, res) => {
        received += 1;
        res.writeHead(200, { 'content-length': '10' });
        res.write('a');
        setTimeout(() => req.socket.destroy(), 20);
      });
    return `${await ask(at, '/begun')}, received ${received}`;
  }),
  staged('a slot without a healthy replica is stood in for by the other', 'green', async (at) => {
    for (const each of at.stage.applications.blue) each.healthy = false;
    await at.stage.observed((seen) => seen.slots.blue.replicas.every(({ healthy }) => !healthy));
    return slot(at);
  }),
  staged('nothing healthy anywhere', '503, Retry-After 1', async (at) => {
    const { blue, green } = at.stage.applications;
    for (const each of [...blue, ...green]) each.healthy = false;
    await at.stage.observed(({ slots }) =>
      [...slots.blue.replicas, ...slots.green.replicas].every(({ healthy }) => !healthy),
    );
    const { status, headers } = await at.stage.get('/');
    return `${status}, Retry-After ${headers['retry-after']}`;
  }),
  staged('an unhealthy replica gets no requests', '0 of 30', async (at) => {
    at.stage.applications.blue[0]!.healthy = false;
    await at.stage.observed((seen) => seen.slots.blue.replicas[0]?.healthy === false);
    await failing(at, 30);
    return `${at.stage.applications.blue[0]!.asked.length} of 30`;
  }),
  staged('a busy replica gets none while another is idle', '10 to the idle one', async (at) => {
    // Longer than a busy machine takes for the others; it ends with its application.
    void ask(at, '/slow?30000');
    await at.stage.applications.arrived('/slow');
    const idle = at.stage.applications.blue.find((each) => each.asked.length === 0)!;
    for (let i = 0; i < 10; i += 1) await ask(at);
    return `${idle.asked.length} to the idle one`;
  }),
  staged('health probes are not counted as traffic', '0 counted', async (at) => {
    const { cursor } = await at.bench.router.traffic(at.stage.door.service, null);
    await sleep(2100);
    const { replicas } = await at.bench.router.traffic(at.stage.door.service, cursor);
    return `${replicas.reduce((sum, each) => sum + each.attempts, 0)} counted`;
  }),
];
