import { once } from 'node:events';
import { connect } from 'node:net';
import {
  USUAL_LIMITS,
  USUAL_OUTLIERS,
  USUAL_PER_REPLICA,
  USUAL_TIMEOUTS,
} from '../../../src/release/resilience.ts';
import type { BuiltinProxy } from '../../../src/release/service.ts';
import { type Handler, send, splitTo, waitFor } from '../../../src/traffic/conformance.ts';
import type { Door } from '../../../src/traffic/router.ts';
import type { OwnCase } from '../case.ts';
import { type Staged, staged } from './own-doors.ts';

/** Of the file, and pages as they are kept with the door. */
type Keys = Omit<Partial<BuiltinProxy>, 'errorPages'> & Pick<Door, 'errorPages'>;

/** A case with these keys under `proxy.builtin`. */
function asked(name: string, wanted: string, keys: Keys, see: (at: Staged) => Promise<string>): OwnCase {
  return staged(name, wanted, async (at) => {
    const { errorPages, ...more } = keys;
    const { door } = at.stage;
    const proxy = { kind: 'builtin' as const, ...more };
    const pages = errorPages === undefined ? {} : { errorPages };
    await at.bench.router.install({ ...door, ...pages, spec: { ...door.spec, proxy } });
    return see(at);
  });
}

const ONE = { ...USUAL_PER_REPLICA, maxRequests: 1, queueTimeoutMs: 20_000 };
const ONE_REPLICA = { serve: 'blue', replicas: { blue: 1, green: 1 } } as const;

/** Answers of the application that wait until they are let go. */
function gated({ stage }: Staged): { readonly letOne: () => void; readonly order: string[] } {
  const order: string[] = [];
  const waiting: (() => void)[] = [];
  const handler: Handler = (req, res) => {
    order.push(req.url!.slice(-1));
    waiting.push(() => res.end('blue'));
  };
  for (const each of stage.applications.blue) each.on.set('/gate', handler);
  return { letOne: () => waiting.shift()?.(), order };
}

async function status({ stage }: Staged, path = '/'): Promise<number> {
  return (await send({ port: stage.port, path, agent: false })).status;
}

/** All that comes for these bytes until the proxy closes. */
async function heard({ stage }: Staged, text: string): Promise<string> {
  const socket = connect(stage.port, '127.0.0.1');
  let said = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (part: string) => {
    said += part;
  });
  socket.write(text);
  await once(socket, 'close');
  return said;
}

function failing({ stage }: Staged, slot: 'blue' | 'green', replicas: readonly number[]): void {
  for (const replica of replicas)
    stage.applications[slot][replica]!.on.set('/', (_req, res) => res.writeHead(503).end());
}

const QUEUES: readonly OwnCase[] = [
  asked(
    'requests past the bound of a replica wait, and are sent in order',
    '0123',
    { perReplica: ONE },
    async (at) => {
      await at.stage.route(ONE_REPLICA);
      const { letOne, order } = gated(at);
      const all: Promise<number>[] = [];
      for (let i = 0; i < 4; i += 1) {
        all.push(status(at, `/gate?${i}`));
        if (i === 0) await at.stage.applications.arrived('/gate');
        else await at.stage.observed(({ slots }) => slots.blue.queued === i);
      }
      for (let i = 0; i < 4; i += 1) {
        await waitFor(
          async () => order.length,
          (count) => count === i + 1,
        );
        letOne();
      }
      await Promise.all(all);
      return order.join('');
    },
  ),
  asked('past the queue', '503, Retry-After 1', { perReplica: { ...ONE, maxQueue: 1 } }, async (at) => {
    await at.stage.route(ONE_REPLICA);
    const { letOne } = gated(at);
    const all = [status(at, '/gate'), status(at, '/gate')];
    await at.stage.observed(({ slots }) => slots.blue.queued === 1);
    const { status: refused, headers } = await send({ port: at.stage.port, path: '/gate', agent: false });
    const timer = setInterval(letOne, 5);
    await Promise.all(all);
    clearInterval(timer);
    return `${refused}, Retry-After ${headers['retry-after']}`;
  }),
  asked(
    'who waits for too long is told, and the application never hears of it',
    '503, 1 asked',
    { perReplica: { ...ONE, queueTimeoutMs: 200 } },
    async (at) => {
      await at.stage.route(ONE_REPLICA);
      const { letOne, order } = gated(at);
      const first = status(at, '/gate');
      await at.stage.applications.arrived('/gate');
      const late = await status(at, '/gate');
      letOne();
      await first;
      return `${late}, ${order.length} asked`;
    },
  ),
];

const OUTLIERS = { ...USUAL_OUTLIERS, consecutiveGatewayFailures: 3, baseMs: 60_000 };

const EJECTIONS: readonly OwnCase[] = [
  asked('a replica that only fails is left out', '0 of 20 fail', { outliers: OUTLIERS }, async (at) => {
    await at.stage.route({ serve: 'blue' });
    failing(at, 'blue', [1]);
    await waitFor(
      async () => (await status(at), at.bench.router.observe(at.stage.door.service)),
      ({ slots }) => slots.blue.ejected?.[0] === 1,
    );
    const after = await Promise.all(Array.from({ length: 20 }, () => status(at)));
    return `${after.filter((each) => each !== 200).length} of 20 fail`;
  }),
  asked('where all replicas fail, one stays', '1 is out', { outliers: OUTLIERS }, async (at) => {
    await at.stage.route({ serve: 'blue' });
    failing(at, 'blue', [0, 1]);
    for (let i = 0; i < 30; i += 1) await status(at);
    const { slots } = await at.stage.observed((seen) => seen.slots.blue.ejected !== undefined);
    return `${slots.blue.ejected!.length} is out`;
  }),
  asked(
    'those of a candidate stay, for the judge to see',
    'none is out',
    { outliers: OUTLIERS },
    async (at) => {
      await at.stage.route({ serve: 'blue', split: splitTo('green', 100) });
      failing(at, 'green', [1]);
      for (let i = 0; i < 30; i += 1) await status(at);
      const { slots } = await at.bench.router.observe(at.stage.door.service);
      return slots.green.ejected === undefined ? 'none is out' : 'some are out';
    },
  ),
];

function within(timeouts: Partial<typeof USUAL_TIMEOUTS>): Keys {
  return { timeouts: { ...USUAL_TIMEOUTS, ...timeouts } };
}

const PATIENCE: readonly OwnCase[] = [
  asked('an application that says nothing', '504', within({ responseHeadMs: 1000 }), async (at) => {
    for (const each of at.stage.applications.blue) each.on.set('/', () => {});
    return String(await status(at));
  }),
  asked(
    'an answer without an end, where the file gives it one',
    'broken off',
    // Not before the head is there, on a busy machine too.
    within({ requestMs: 3000 }),
    async (at) => {
      for (const each of at.stage.applications.blue)
        each.on.set('/', (_req, res) => {
          res.write('more');
          const timer = setInterval(() => res.write('more'), 50);
          res.on('close', () => clearInterval(timer));
        });
      return send({ port: at.stage.port, path: '/' }).then(
        () => 'ended',
        () => 'broken off',
      );
    },
  ),
  asked('a head that does not come to its end', '408', within({ requestHeadMs: 1000 }), async (at) =>
    (await heard(at, 'GET / HTTP/1.1\r\nHost: a\r\nX')).slice(9, 12),
  ),
  asked('an idle connection', '200, then closed', within({ keepAliveMs: 1000 }), async (at) => {
    const said = await heard(at, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    return `${said.slice(9, 12)}, then closed`;
  }),
  asked(
    'a head above the bound of the file',
    '431',
    { limits: { ...USUAL_LIMITS, maxHeadBytes: 4096 } },
    async (at) => (await heard(at, `GET /?${'x'.repeat(5000)} HTTP/1.1\r\nHost: a\r\n\r\n`)).slice(9, 12),
  ),
];

const PAGES: readonly OwnCase[] = [
  asked(
    'a page of one’s own, by what the client reads',
    '<p>busy | {"busy":true} | no-store',
    { errorPages: { 503: { html: '<p>busy', json: '{"busy":true}' } } },
    async (at) => {
      await at.stage.route({ serve: null });
      const of = (accept: string) => send({ port: at.stage.port, path: '/', headers: { accept } });
      const [page, json] = await Promise.all([of('text/html'), of('*/*')]);
      return `${page.body} | ${json.body} | ${page.headers['cache-control']}`;
    },
  ),
];

export const RESILIENCE: readonly OwnCase[] = [...QUEUES, ...EJECTIONS, ...PATIENCE, ...PAGES];
