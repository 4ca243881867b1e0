import assert from 'node:assert/strict';
import {
  Agent,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  createServer,
  request,
} from 'node:http';
import { type AddressInfo, type Socket, createServer as createNetServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Address } from '../lib/address.ts';
import type { Upstream } from '../lib/upstream.ts';
import type { HealthSpec, ProxySpec } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { ReplicaSecond, TrafficBatch } from './counts.ts';
import type { Door, DoorObservation, Route, TrafficRouter } from './router.ts';

/** What an implementation brings to the suite. */
export type RouterBench = {
  readonly router: TrafficRouter;
  /** What doors ask for; the built-in proxy unless told otherwise. */
  readonly proxy?: ProxySpec;
  /** What it cannot do, with the reason: that test is skipped. */
  readonly cannot?: { readonly cut?: string };
  /** Restarts the data plane the hard way; resolves when the router answers again. */
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const HEALTH: HealthSpec = { path: '/healthz', intervalMs: 100, timeoutMs: 400, rise: 2, fall: 2 };
const WAIT_MS = 8000;

/** Every `TrafficRouter` passes this, against real servers and through real sockets. */
export function routerConformance(name: string, open: () => Promise<RouterBench>): void {
  describe(`${name} as a traffic router`, () => {
    let bench: RouterBench;
    let stage: Stage;

    before(async () => {
      bench = await open();
    });
    after(async () => bench?.close());

    /** One service with two slots of two replicas, `blue` serving. */
    async function setUp(change: Partial<Door> = {}): Promise<Stage> {
      stage = await openStage(bench.router, change, undefined, bench.proxy);
      await stage.route({ serve: 'blue' });
      return stage;
    }

    test('a new door answers 503 with Retry-After until its first route', async (t) => {
      stage = await openStage(bench.router, {}, undefined, bench.proxy);
      t.after(() => stage.close());

      const answer = await stage.get('/');

      assert.equal(answer.status, 503);
      assert.match(String(answer.headers['retry-after']), /^\d+$/);
      assert.equal((await bench.router.observe(stage.door.service)).revision, 0);
    });

    test('installing the same door again changes nothing', async (t) => {
      const { get, door, close } = await setUp();
      t.after(close);

      await bench.router.install(door);
      await bench.router.install(door);

      assert.match((await get('/')).body, /^blue-/);
    });

    test('a door whose host and path belong to another service is refused, naming it, and nothing changes', async (t) => {
      const { get, door, close } = await setUp();
      t.after(close);

      await assert.rejects(
        bench.router.install({ ...door, service: `${door.service}-two` }),
        (error: Error) => {
          assert.equal((error as Error & { code: string }).code, 'TRAFFIC_DOOR_TAKEN');
          assert.match(error.message, new RegExp(`service ${door.service},`));
          return true;
        },
      );

      assert.match((await get('/')).body, /^blue-/);
    });

    test('a door whose port another program has is refused and a later attempt succeeds', async (t) => {
      const squatter = createNetServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => squatter.once('listening', resolve));
      const { port } = squatter.address() as AddressInfo;
      stage = await openStage(bench.router, {}, null, bench.proxy);
      t.after(() => stage.close());
      const spec = { ...stage.door.spec, listen: { address: '127.0.0.1', port } };

      await assert.rejects(bench.router.install({ ...stage.door, spec }), { code: 'TRAFFIC_DOOR_TAKEN' });
      await new Promise((resolve) => squatter.close(resolve));

      await bench.router.install({ ...stage.door, spec });
      await bench.router.remove(stage.door.service);
    });

    test('a route moves all requests, and back', async (t) => {
      const { get, route, close } = await setUp();
      t.after(close);

      await route({ serve: 'green' });
      for (let i = 0; i < 20; i += 1) assert.match((await get('/')).body, /^green-/);
      await route({ serve: 'blue' });
      for (let i = 0; i < 20; i += 1) assert.match((await get('/')).body, /^blue-/);
    });

    test('a revision that is not above the present one is ignored', async (t) => {
      const { get, route, door, close } = await setUp();
      t.after(close);
      const late = await route({ serve: 'blue' });
      await route({ serve: 'green' });

      await bench.router.apply(late);

      assert.match((await get('/')).body, /^green-/);
      assert.equal((await bench.router.observe(door.service)).revision, late.revision + 1);
    });

    test('at 0 % nobody and at 100 % everybody goes to the candidate', async (t) => {
      const { get, route, close } = await setUp({ sticky: { by: 'none' } });
      t.after(close);

      await route({ serve: 'blue', split: splitTo('green', 0) });
      for (let i = 0; i < 50; i += 1) assert.match((await get('/')).body, /^blue-/);
      await route({ serve: 'blue', split: splitTo('green', 100) });
      for (let i = 0; i < 50; i += 1) assert.match((await get('/')).body, /^green-/);
    });

    test('a share sends about that many identities to the candidate, and each stays', async (t) => {
      const { get, route, close } = await setUp({ sticky: { by: 'header', header: 'X-User' } });
      t.after(close);
      await route({ serve: 'blue', split: splitTo('green', 25) });

      const users = Array.from({ length: 400 }, (_, i) => `user-${i}`);
      const first = new Map<string, string>();
      for (const user of users) first.set(user, slotOf((await get('/', { 'x-user': user })).body));
      const candidates = [...first.values()].filter((slot) => slot === 'green').length;

      assert.ok(candidates > 60 && candidates < 140, `${candidates} of 400 at 25 %`);
      for (const user of users.slice(0, 50)) {
        assert.equal(slotOf((await get('/', { 'x-user': user })).body), first.get(user));
      }
    });

    test('raising the share moves nobody back', async (t) => {
      const { get, route, close } = await setUp({ sticky: { by: 'header', header: 'X-User' } });
      t.after(close);
      const users = Array.from({ length: 100 }, (_, i) => `user-${i}`);
      let before: string[] = [];

      for (const share of [5, 25, 50, 100]) {
        await route({ serve: 'blue', split: splitTo('green', share) });
        const candidates: string[] = [];
        for (const user of users)
          if (slotOf((await get('/', { 'x-user': user })).body) === 'green') candidates.push(user);
        assert.deepEqual(
          before.filter((user) => !candidates.includes(user)),
          [],
        );
        before = candidates;
      }
      assert.equal(before.length, 100);
    });

    test('a share finer than the capability says is refused', async (t) => {
      const { door, close } = await setUp();
      t.after(close);
      const tooFine = bench.router.capabilities.shareStepPercent / 4;

      await assert.rejects(
        bench.router.apply({
          service: door.service,
          revision: 1000,
          serve: 'blue',
          split: splitTo('green', tooFine),
          replicas: { blue: 2, green: 2 },
          standIn: true,
        }),
        { code: 'TRAFFIC_ROUTE_INVALID' },
      );
    });

    test('a confirmed route survives a restart of the data plane', async (t) => {
      const { get, route, door, close } = await setUp();
      t.after(close);
      const last = await route({ serve: 'green' });

      await bench.restart();

      assert.equal((await bench.router.observe(door.service)).revision, last.revision);
      assert.match((await get('/')).body, /^green-/);
    });

    test('health of every replica is probed and says what was found', async (t) => {
      const { applications, door, observed, close } = await setUp();
      t.after(close);

      applications.green[1]!.healthy = false;
      const sick = await observed((seen) => seen.slots.green.replicas[1]?.healthy === false);
      assert.equal(sick.slots.green.replicas[1]!.lastProbe!.found, '503');
      assert.match(sick.slots.green.replicas[1]!.lastProbe!.body, /not well/);
      assert.equal(sick.slots.green.replicas[0]!.healthy, true);
      applications.green[1]!.healthy = true;

      const well = await observed((seen) => seen.slots.green.replicas[1]?.healthy === true);
      assert.equal(well.slots.green.replicas[1]!.goodInARow, door.health.green.rise);
    });

    test('replicas not in use are neither probed nor observed', async (t) => {
      const { route, door, close } = await setUp();
      t.after(close);

      await route({ serve: 'blue', replicas: { blue: 2, green: 0 } });

      const { slots } = await bench.router.observe(door.service);
      assert.equal(slots.green.replicas.length, 0);
      assert.equal(slots.blue.replicas.length, 2);
    });

    test('a slot without a healthy replica is served by the other one, and its requests count as its connect failures', async (t) => {
      const { applications, get, door, counted, observed, close } = await setUp();
      t.after(close);
      const { cursor } = await bench.router.traffic(door.service, null);
      for (const each of applications.blue) each.healthy = false;
      await observed((seen) => seen.slots.blue.replicas.every((replica) => !replica.healthy));

      for (let i = 0; i < 10; i += 1) assert.match((await get('/')).body, /^green-/);

      const seconds = await counted(
        cursor,
        (all) => sum(all, 'blue', (each) => each.classes.connectFailure) >= 10,
      );
      assert.equal(
        sum(seconds, 'blue', (each) => each.classes.connectFailure),
        10,
      );
      assert.equal(
        sum(seconds, 'green', (each) => each.requests),
        10,
      );
    });

    test('a preview address reaches its slot alone, whatever the route says, gives no cookie and counts apart', async (t) => {
      if (!bench.router.capabilities.preview) return t.skip('no preview addresses');
      const preview = await previewAddresses();
      const { get, applications, door, batched, route, observed, close } = await setUp({ preview });
      t.after(close);
      const { cursor } = await bench.router.traffic(door.service, null);
      const look = (slot: SlotName, path = '/') => send({ port: preview[slot].port, path });

      assert.match((await get('/')).body, /^blue-/);
      for (let i = 0; i < 6; i += 1) {
        const answer = await look('green');
        assert.match(answer.body, /^green-/);
        assert.equal(answer.headers['set-cookie'], undefined);
      }
      assert.equal((await look('green', '/status/500')).status, 500);
      assert.match((await look('blue')).body, /^blue-/);

      const batch = await batched(
        cursor,
        (all) => sum(all.previews ?? [], 'green', (one) => one.requests) >= 7,
      );
      assert.deepEqual(
        [
          sum(batch.replicas, 'green', (one) => one.attempts),
          sum(batch.previews!, 'green', (one) => one.classes.serverError),
        ],
        [0, 1],
      );
      for (const each of applications.green) each.healthy = false;
      await observed((seen) => seen.slots.green.replicas.every((replica) => !replica.healthy));
      assert.equal((await look('green')).status, 503, 'the other slot does not stand in');
      await route({ serve: 'blue', replicas: { blue: 2, green: 0 } });
      assert.equal((await look('green')).status, 503);
    });

    test('a preview address is there again after a restart, and gone with its door', async (t) => {
      if (!bench.router.capabilities.preview) return t.skip('no preview addresses');
      const preview = await previewAddresses();
      const { door, close } = await setUp({ preview });
      t.after(close);

      await bench.restart();

      const look = () =>
        send({ port: preview.blue.port, path: '/' }).then(
          ({ body }) => slotOf(body),
          (error: NodeJS.ErrnoException) => error.code,
        );
      await waitFor(look, (found) => found === 'blue');
      await bench.router.install({ ...door, preview: null });
      await waitFor(look, (found) => found === 'ECONNREFUSED');
    });

    test('what is in flight when its slot loses its traffic may end', async (t) => {
      const { get, route, applications, close } = await setUp();
      t.after(close);
      const slow = get('/slow?300');
      await applications.arrived('/slow');

      await route({ serve: 'green' });

      assert.match((await get('/')).body, /^green-/);
      const answer = await slow;
      assert.deepEqual([answer.status, slotOf(answer.body)], [200, 'blue']);
    });

    test('cut ends what is in flight at once and says how many', async (t) => {
      if (bench.cannot?.cut !== undefined) return t.skip(bench.cannot.cut);
      const { get, route, applications, door, close } = await setUp();
      t.after(close);
      const hanging = get('/slow?5000').then(
        (answer) => answer.status,
        () => 'broken',
      );
      await applications.arrived('/slow');
      await route({ serve: 'green' });

      assert.equal(await bench.router.cut(door.service, 'blue'), 1);

      assert.notEqual(await hanging, 200);
      assert.equal((await bench.router.observe(door.service)).slots.blue.inFlight, 0);
    });

    test('requests in flight are observed', async (t) => {
      const { get, applications, observed, close } = await setUp();
      t.after(close);
      const slow = get('/slow?400');
      await applications.arrived('/slow');

      await observed((seen) => seen.slots.blue.inFlight === 1);

      await slow;
      await observed((seen) => seen.slots.blue.inFlight === 0);
    });

    test('what failed comes with a few examples, and nothing of who asked', async (t) => {
      const { get, door, counted, close } = await setUp();
      t.after(close);
      const { cursor } = await bench.router.traffic(door.service, null);

      await get('/');
      for (let i = 0; i < 9; i += 1) await get('/status/500?token=secret');
      await counted(cursor, (all) => sum(all, 'blue', (each) => each.classes.serverError) >= 9);

      const { failed = [] } = await bench.router.traffic(door.service, cursor);
      assert.ok(failed.length > 0 && failed.length <= 9, `${failed.length}`);
      for (const { slot, kind, status, method, path } of failed) {
        assert.deepEqual([slot, kind], ['blue', 'serverError']);
        if (method !== null) assert.deepEqual([status, method, path], [500, 'GET', '/status/*']);
      }
      assert.doesNotMatch(JSON.stringify(failed), /secret|token/);
    });

    test('every decided request is counted once, in its class and in order of seconds', async (t) => {
      const { get, door, counted, close } = await setUp();
      t.after(close);
      const { cursor } = await bench.router.traffic(door.service, null);

      for (let i = 0; i < 12; i += 1) await get('/');
      for (let i = 0; i < 5; i += 1) await get('/status/404');
      for (let i = 0; i < 3; i += 1) await get('/status/500');

      const seconds = await counted(cursor, (all) => sum(all, 'blue', (each) => each.attempts) >= 20);
      assert.equal(
        sum(seconds, 'blue', (each) => each.classes.ok),
        12,
      );
      assert.equal(
        sum(seconds, 'blue', (each) => each.classes.clientError),
        5,
      );
      assert.equal(
        sum(seconds, 'blue', (each) => each.classes.serverError),
        3,
      );
      assert.equal(
        sum(seconds, 'blue', (each) => each.requests),
        20,
      );
      assert.equal(
        sum(seconds, 'green', (each) => each.attempts),
        0,
      );
      for (const each of seconds) {
        assert.equal(
          each.attempts,
          Object.values(each.classes).reduce((a, b) => a + b),
        );
        assert.equal(
          each.latency.reduce((total, [, count]) => total + count, 0),
          each.attempts,
        );
      }
      assert.deepEqual(
        seconds.map((each) => each.second),
        seconds.map((each) => each.second).toSorted((a, b) => a - b),
      );
    });

    test('asking again with the same cursor brings the same, with the new one only what is new', async (t) => {
      const { get, door, counted, close } = await setUp();
      t.after(close);
      const { cursor } = await bench.router.traffic(door.service, null);
      await get('/');
      await counted(cursor, (all) => all.length > 0);

      const once = await bench.router.traffic(door.service, cursor);
      const again = await bench.router.traffic(door.service, cursor);
      const next = await bench.router.traffic(door.service, once.cursor);

      assert.deepEqual(again.replicas.slice(0, once.replicas.length), once.replicas);
      assert.deepEqual(next.replicas, []);
    });

    test('a restart of the data plane shows as lost seconds, not as silence', async (t) => {
      const { door, close } = await setUp();
      t.after(close);
      const { cursor } = await bench.router.traffic(door.service, null);

      await bench.restart();

      const batch = await waitFor(
        () => bench.router.traffic(door.service, cursor),
        (seen) => seen.lost !== null && seen.upToSecond > seen.lost.toSecond,
      );
      assert.ok(batch.lost!.fromSecond <= batch.lost!.toSecond);
    });

    test('a removed door is gone, and removing it again does nothing', async () => {
      const { get, door, close } = await setUp();

      await bench.router.remove(door.service);
      await bench.router.remove(door.service);

      const after = await get('/').then(
        (answer) => answer.status,
        () => 'refused',
      );
      assert.ok(after === 'refused' || after === 404, String(after));
      await assert.rejects(bench.router.observe(door.service), { code: 'TRAFFIC_NOT_INSTALLED' });
      await close();
    });
  });
}

export type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
};

/** A service with its applications, installed behind a router. */
export type Stage = {
  readonly door: Door;
  readonly port: number;
  readonly applications: Record<SlotName, Application[]> & { arrived(path: string): Promise<void> };
  /** A GET through the door, on a connection that is kept. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  /** Applies the next revision; both slots with all replicas unless told otherwise; resolves when they are healthy. */
  readonly route: (part: Partial<Route>) => Promise<Route>;
  readonly observed: (is: (seen: DoorObservation) => boolean) => Promise<DoorObservation>;
  /** All counts after the cursor, once they are as wanted. */
  readonly counted: (cursor: string, is: (all: ReplicaSecond[]) => boolean) => Promise<ReplicaSecond[]>;
  readonly batched: (cursor: string, is: (batch: TrafficBatch) => boolean) => Promise<TrafficBatch>;
  readonly close: () => Promise<void>;
};

let stages = 0;

/** `port` null: the door is only described, not installed. */
export async function openStage(
  router: TrafficRouter,
  change: Partial<Door>,
  port?: number | null,
  proxy: ProxySpec = { kind: 'builtin' },
): Promise<Stage> {
  stages += 1;
  const service = `stage-${stages}`;
  const applications = await startApplications();
  const listen = { address: '127.0.0.1', port: port ?? (await freePort()) };
  const described = doorOf(service, listen, applications, change);
  const door = { ...described, spec: { ...described.spec, proxy } };
  if (port !== null) await router.install(door);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let revision = 0;
  const observed: Stage['observed'] = (is) => waitFor(() => router.observe(service), is);
  return {
    door,
    port: listen.port,
    applications,
    get: (path, headers = {}) =>
      send({ port: listen.port, path, headers, agent: path.startsWith('/slow') ? false : agent }),
    route: async (part) => {
      revision += 1;
      const route = {
        service,
        revision,
        serve: null,
        split: null,
        replicas: { blue: 2, green: 2 },
        standIn: true,
        ...part,
      };
      await router.apply(route);
      await observed((seen) =>
        (['blue', 'green'] as const).every((slot) =>
          seen.slots[slot].replicas.every((each, i) => each.healthy || !applications[slot][i]!.healthy),
        ),
      );
      return route;
    },
    observed,
    counted: async (cursor, is) =>
      (
        await waitFor(
          () => router.traffic(service, cursor),
          (batch) => is([...batch.replicas]),
        )
      ).replicas as ReplicaSecond[],
    batched: (cursor, is) => waitFor(() => router.traffic(service, cursor), is),
    close: async () => {
      agent.destroy();
      await router.remove(service);
      await Promise.all([...applications.blue, ...applications.green].map((each) => each.close()));
    },
  };
}

function doorOf(
  service: string,
  listen: Door['spec']['listen'],
  applications: Record<SlotName, Application[]>,
  change: Partial<Door>,
): Door {
  return {
    service,
    spec: {
      listen,
      host: null,
      path: '/',
      proxy: { kind: 'builtin' },
      drainMs: 2000,
      streamGraceMs: 1000,
      trustForwarded: false,
      maxBodyBytes: null,
    },
    health: { blue: HEALTH, green: HEALTH },
    sticky: { by: 'cookie' },
    salt: '00112233445566778899aabbccddeeff',
    slots: {
      blue: applications.blue.map((each) => each.address),
      green: applications.green.map((each) => each.address),
    },
    preview: null,
    ...change,
  };
}

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** A real HTTP server that says who it is. */
export type Application = {
  readonly address: Upstream;
  readonly server: Server;
  healthy: boolean;
  /** Overrides by path, without the query. */
  readonly on: Map<string, Handler>;
  /** Paths asked for so far, probes apart. */
  readonly asked: string[];
  readonly close: () => Promise<void>;
};

async function startApplications(): Promise<Stage['applications']> {
  const [blue, green] = await Promise.all([startSlot('blue'), startSlot('green')]);
  return {
    blue,
    green,
    arrived: async (path) => {
      await waitFor(
        async () => [...blue, ...green].some((each) => each.asked.some((asked) => asked.startsWith(path))),
        (has) => has,
      );
    },
  };
}

function startSlot(slot: SlotName): Promise<Application[]> {
  return Promise.all([startApplication(`${slot}-0`), startApplication(`${slot}-1`)]);
}

export async function startApplication(name: string): Promise<Application> {
  const sockets = new Set<Socket>();
  const on = new Map<string, Handler>();
  const asked: string[] = [];
  const server = createServer((req, res) => {
    if (req.url === '/healthz') {
      res
        .writeHead(application.healthy ? 200 : 503)
        .end(application.healthy ? 'well' : 'not well: no database');
      return;
    }
    asked.push(req.url!);
    const path = req.url!.split('?')[0]!;
    const handler = on.get(path) ?? defaultHandler(name);
    handler(req, res);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const application: Application = {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port, pathPrefix: '' },
    server,
    healthy: true,
    on,
    asked,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return application;
}

function defaultHandler(name: string): Handler {
  return (req, res) => {
    const path = req.url!;
    const status = /^\/status\/(\d{3})/.exec(path);
    const slow = /^\/slow\?(\d+)/.exec(path);
    if (status !== null) {
      res.writeHead(Number(status[1])).end(name);
    } else if (slow === null) {
      res.end(name);
    } else {
      const timer = setTimeout(() => res.end(name), Number(slow[1]));
      res.on('close', () => clearTimeout(timer));
    }
  };
}

export type Sending = {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
  readonly agent?: Agent | false;
};

/** One request, without any retry. */
export function send({
  port,
  path,
  method = 'GET',
  headers = {},
  body,
  agent = false,
}: Sending): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path, method, headers, agent }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('error', reject);
      res.on('end', () =>
        resolve({
          status: res.statusCode!,
          headers: res.headers,
          rawHeaders: res.rawHeaders,
          body: text,
          trailers: res.trailers,
        }),
      );
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Looks until what is seen is as wanted; fails with what was seen last. */
export async function waitFor<T>(look: () => Promise<T>, is: (seen: T) => boolean): Promise<T> {
  const deadlineMs = performance.now() + WAIT_MS;
  for (;;) {
    const seen = await look();
    if (is(seen)) return seen;
    if (performance.now() > deadlineMs)
      assert.fail(`not so within ${WAIT_MS}ms; seen last: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

async function previewAddresses(): Promise<Record<SlotName, Address>> {
  const host = '127.0.0.1';
  return { blue: { host, port: await freePort() }, green: { host, port: await freePort() } };
}

export async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function splitTo(slot: SlotName, sharePercent: number): NonNullable<Route['split']> {
  return { rollout: 'r-1', slot, sharePercent, seed: 'ffeeddccbbaa99887766554433221100' };
}

export function slotOf(body: string): string {
  return body.split('-')[0]!;
}

export function sum(
  seconds: readonly ReplicaSecond[],
  slot: SlotName,
  of: (each: ReplicaSecond) => number,
): number {
  return seconds.filter((each) => each.slot === slot).reduce((total, each) => total + of(each), 0);
}
