import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onSocket } from '../../../src/lib/address.ts';
import { onAddress } from '../../../src/lib/upstream.ts';
import { listenOn } from '../../../src/traffic/socket-conformance.ts';
import type { BuiltinBench } from '../../../src/traffic/builtin/conformance.ts';
import { type Stage, freePort, openStage, send, splitTo, waitFor } from '../../../src/traffic/conformance.ts';
import type { OwnCase } from '../case.ts';

/** Quick to see what says that it is not well; in no haste where a busy machine says nothing yet. */
const HEALTH = { path: '/healthz', intervalMs: 100, timeoutMs: 5000, rise: 1, fall: 2 };
const CALM = { health: { blue: HEALTH, green: HEALTH } };

export type Staged = { readonly bench: BuiltinBench; readonly stage: Stage };

/** A case with a service of its own, `blue` serving. */
export function staged(
  name: string,
  wanted: string,
  see: (staged: Staged) => Promise<string>,
  change: Parameters<typeof openStage>[1] = {},
): OwnCase {
  return {
    name,
    wanted,
    see: async (bench) => {
      const stage = await openStage(bench.router, { ...CALM, ...change });
      try {
        await stage.route({ serve: 'blue' });
        return await see({ bench, stage });
      } finally {
        await stage.close();
      }
    },
  };
}

const BETA = { on: 'cookie', name: 'beta', value: { kind: 'is', text: '1' } } as const;

/** The same, with a door of its own. */
function ruled(
  name: string,
  wanted: string,
  rules: Partial<Stage['door']['spec']>,
  see: (staged: Staged) => Promise<string>,
): OwnCase {
  return staged(name, wanted, async (at) => {
    const { door } = at.stage;
    await at.bench.router.install({ ...door, spec: { ...door.spec, ...rules } });
    return see(at);
  });
}

/** Which slot answers. */
export async function slot({ stage }: Staged, headers: Record<string, string> = {}): Promise<string> {
  const { status, body } = await stage.get('/', headers);
  return status === 200 ? body.split('-')[0]! : String(status);
}

/** The code of what a call is refused with. */
function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'accepted',
    (error: Error & { code?: string }) => error.code ?? error.message,
  );
}

export const DOORS: readonly OwnCase[] = [
  staged(
    'a second service on the same host is refused, the first keeps serving',
    'TRAFFIC_DOOR_TAKEN, blue',
    async (at) => {
      const { router } = at.bench;
      const code = await codeOf(
        router.install({ ...at.stage.door, service: `${at.stage.door.service}-two` }),
      );
      return `${code}, ${await slot(at)}`;
    },
  ),
  staged(
    'a port that another program has is refused, the door stays where it was',
    'TRAFFIC_DOOR_TAKEN, blue',
    async (at) => {
      const squatter = createServer();
      await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
      const { port } = squatter.address() as { port: number };
      const spec = { ...at.stage.door.spec, listen: { address: '127.0.0.1', port } };
      const code = await codeOf(at.bench.router.install({ ...at.stage.door, spec }));
      squatter.close();
      return `${code}, ${await slot(at)}`;
    },
  ),
  staged('a door with another host leaves the former one', 'new: blue, old: 404', async (at) => {
    const { stage, bench } = at;
    await bench.router.install({ ...stage.door, spec: { ...stage.door.spec, host: 'old.test' } });
    await bench.router.install({ ...stage.door, spec: { ...stage.door.spec, host: 'new.test' } });
    return `new: ${await slot(at, { host: 'new.test' })}, old: ${await slot(at, { host: 'old.test' })}`;
  }),
  staged('a route that cannot be is refused, traffic stays', 'TRAFFIC_ROUTE_INVALID, blue', async (at) => {
    const { door } = at.stage;
    const route = {
      service: door.service,
      revision: 99,
      serve: 'blue' as const,
      replicas: { blue: 2, green: 2 },
    };
    const code = await codeOf(
      at.bench.router.apply({ ...route, split: splitTo('green', 0.01), standIn: true }),
    );
    return `${code}, ${await slot(at)}`;
  }),
  staged('a route that comes too late changes nothing', 'green', async (at) => {
    const late = await at.stage.route({ serve: 'blue' });
    await at.stage.route({ serve: 'green' });
    await at.bench.router.apply(late);
    return slot(at);
  }),
  staged(
    'ten routes at once are taken one after the other, the last one holds',
    'green, 0 failed',
    async (at) => {
      const base = await at.stage.route({ serve: 'blue' });
      const asked = Array.from({ length: 20 }, () =>
        send({ port: at.stage.port, path: '/' }).then(
          ({ status }) => status,
          () => 0,
        ),
      );
      await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          at.bench.router.apply({
            ...base,
            revision: base.revision + i + 1,
            serve: i % 2 === 0 ? 'blue' : 'green',
          }),
        ),
      );
      const failed = (await Promise.all(asked)).filter((status) => status !== 200).length;
      return `${await slot(at)}, ${failed} failed`;
    },
  ),
  {
    name: 'a new door before its first route',
    wanted: '503, Retry-After 1',
    see: async ({ router }) => {
      const stage = await openStage(router, CALM);
      const { status, headers } = await stage.get('/');
      await stage.close();
      return `${status}, Retry-After ${headers['retry-after']}`;
    },
  },
  staged('a door that is taken away', 'refused', async ({ bench, stage }) => {
    await bench.router.remove(stage.door.service);
    return stage.get('/').then(
      ({ status }) => String(status),
      () => 'refused',
    );
  }),
  staged('nobody at 0 %', '50 blue', async (at) => {
    await at.stage.route({ serve: 'blue', split: splitTo('green', 0) });
    return tally(at, 50);
  }),
  staged('everybody at 100 %', '50 green', async (at) => {
    await at.stage.route({ serve: 'blue', split: splitTo('green', 100) });
    return tally(at, 50);
  }),
  staged('who has a cookie stays with a version', 'one version', async (at) => {
    await at.stage.route({ serve: 'blue', split: splitTo('green', 50) });
    const cookie = 'bascule_id=0123456789abcdef0123456789abcdef';
    const seen = new Set<string>();
    for (let i = 0; i < 20; i += 1) seen.add(await slot(at, { cookie }));
    return seen.size === 1 ? 'one version' : 'several';
  }),
  staged('the proxy’s own cookie does not reach the application', 'a=1', async ({ stage }) => {
    for (const each of stage.applications.blue)
      each.on.set('/', (req, res) => res.end(String(req.headers.cookie)));
    const cookie = 'bascule_id=0123456789abcdef0123456789abcdef; a=1';
    return (await stage.get('/', { cookie })).body;
  }),
  {
    name: 'an override goes to its slot, and its header to nobody',
    wanted: 'green, header none',
    see: async ({ router }) => {
      const override = { header: 'x-slot', allow: { kind: 'secret', secret: '0123456789abcdef' } } as const;
      const stage = await openStage(router, { ...CALM, override });
      await stage.route({ serve: 'blue' });
      for (const each of stage.applications.green)
        each.on.set('/', (req, res) => res.end(`green, header ${String(req.headers['x-slot'] ?? 'none')}`));
      const { body } = await stage.get('/', { 'x-slot': 'green:0123456789abcdef' });
      await stage.close();
      return body;
    },
  },
  staged(
    'an application on a unix socket, and none there',
    'over the socket: / shop.test, 503',
    async ({ bench, stage }) => {
      const folder = await mkdtemp(join(tmpdir(), 'bascule-socket-'));
      const path = join(folder, 'app.sock');
      const application = await listenOn(path);
      await bench.router.install({
        ...stage.door,
        slots: { ...stage.door.slots, green: [onAddress(onSocket(path))] },
      });
      await stage.route({ serve: 'green', replicas: { blue: 0, green: 1 } });
      await stage.observed((seen) => seen.slots.green.replicas[0]?.healthy === true);
      const { body } = await stage.get('/', { host: 'shop.test' });
      await application.close();
      await stage.observed((seen) => seen.slots.green.replicas[0]?.healthy === false);
      const { status } = await stage.get('/');
      await rm(folder, { recursive: true });
      return `${body}, ${status}`;
    },
  ),
  ruled(
    'a path that is stripped, and redirects below it again',
    '/x?q of /shop, Location /shop/login',
    { path: '/shop', proxy: { kind: 'builtin', stripPath: true } },
    async ({ stage }) => {
      for (const each of stage.applications.blue)
        each.on.set('/x', (req, res) => {
          res.setHeader('location', '/login');
          res.end(`${req.url} of ${String(req.headers['x-forwarded-prefix'])}`);
        });
      const { body, headers } = await stage.get('/shop/x?q');
      return `${body}, Location ${headers.location}`;
    },
  ),
  ruled(
    'a door that only requests with a cookie come through',
    'with: blue, without: 404',
    { proxy: { kind: 'builtin', when: [BETA] } },
    async (at) => `with: ${await slot(at, { cookie: 'a=1; beta=1' })}, without: ${await slot(at)}`,
  ),
  ruled(
    'who has a cookie gets the candidate while it is offered',
    'before: blue, offered: green, others: blue',
    { proxy: { kind: 'builtin', candidateFor: [BETA] } },
    async (at) => {
      const before = await slot(at, { cookie: 'beta=1' });
      await at.stage.route({ serve: 'blue', matched: 'green' });
      return `before: ${before}, offered: ${await slot(at, { cookie: 'beta=1' })}, others: ${await slot(at)}`;
    },
  ),
  {
    name: 'a preview address reaches its slot, whatever the route says',
    wanted: 'green',
    see: async ({ router }) => {
      const host = '127.0.0.1';
      const preview = { blue: { host, port: await freePort() }, green: { host, port: await freePort() } };
      const stage = await openStage(router, { ...CALM, preview });
      await stage.route({ serve: 'blue' });
      const { body } = await send({ port: preview.green.port, path: '/' });
      await stage.close();
      return body.split('-')[0]!;
    },
  },
];

async function tally(at: Staged, times: number): Promise<string> {
  const seen = new Map<string, number>();
  for (let i = 0; i < times; i += 1) {
    const found = await slot(at);
    seen.set(found, (seen.get(found) ?? 0) + 1);
  }
  return [...seen].map(([name, count]) => `${count} ${name}`).join(', ');
}

/** They restart the proxy, so that nothing else may run beside them. */
export const RESTARTS: readonly OwnCase[] = [
  staged('a restart brings everything back', 'green', async (at) => {
    await at.stage.route({ serve: 'green' });
    await at.bench.restart();
    return slot(at);
  }),
  staged(
    'a torn state file is put aside and never served as empty',
    'put aside, others: blue',
    async (at) => {
      const { bench, stage } = at;
      const other = await openStage(bench.router, CALM);
      await other.route({ serve: 'blue' });
      const folder = join(bench.stateDir, 'services');
      const name = `${stage.door.service}.json`;
      const path = join(
        (await readdir(folder).catch((): string[] => [])).includes(name) ? folder : bench.stateDir,
        name,
      );
      const text = await readFile(path, 'utf8');
      await writeFile(path, text.slice(0, text.length / 2));
      await bench.restart();
      const found = await waitFor(
        async () => (await readdir(join(path, '..'))).includes(`${name}.damaged`),
        (is) => is,
      );
      const served = await slot({ bench, stage: other });
      await other.close();
      return `${found ? 'put aside' : 'taken'}, others: ${served}`;
    },
  ),
];
