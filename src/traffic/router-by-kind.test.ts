import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import type { Door, DoorObservation, Route, TrafficRouter } from './router.ts';
import { routerByKind } from './router-by-kind.ts';

/** A router that only remembers; what is asked of it stands in `log`. */
function memoryRouter(name: string, log: string[], broken = false): TrafficRouter {
  const doors = new Map<string, { route: Route | null }>();
  const of = (service: string) => {
    const found = doors.get(service);
    if (found === undefined)
      throw new OperatingError('TRAFFIC_NOT_INSTALLED', `${name} has no ${service}`, { retryable: false });
    return found;
  };
  return {
    capabilities: {
      shareStepPercent: 0.1,
      sticky: ['cookie'],
      identities: true,
      override: false,
      hold: false,
      mirror: name === 'nginx',
      preview: true,
    },
    install: async (door) => {
      log.push(`${name} install`);
      if (broken) throw new OperatingError('TRAFFIC_DOOR_TAKEN', 'taken', { retryable: false });
      doors.set(door.service, { route: doors.get(door.service)?.route ?? null });
    },
    remove: async (service) => {
      log.push(`${name} remove`);
      doors.delete(service);
    },
    apply: async (route) => {
      log.push(`${name} apply ${route.revision}`);
      of(route.service).route = route;
    },
    observe: async (service) =>
      ({ revision: of(service).route?.revision ?? 0 }) as unknown as DoorObservation,
    cut: async () => 0,
    traffic: async (_service, cursor) => {
      if (cursor !== null && !cursor.startsWith(name))
        throw new OperatingError('TRAFFIC_CURSOR_INVALID', 'foreign', { retryable: false });
      return { cursor: `${name}.1`, upToSecond: 1, lost: null, replicas: [], identities: [] };
    },
  };
}

function door(kind: 'builtin' | 'nginx', port = 8080): Door {
  return {
    service: 'shop',
    spec: { proxy: { kind }, listen: { address: '0.0.0.0', port } },
  } as unknown as Door;
}

const ROUTE = { service: 'shop', revision: 7 } as Route;

test('a service is served by the kind that its door names', async () => {
  const log: string[] = [];
  const router = routerByKind({ builtin: memoryRouter('builtin', log), nginx: memoryRouter('nginx', log) });

  await router.install(door('nginx'));
  await router.apply(ROUTE);

  assert.deepEqual(log, ['nginx install', 'nginx apply 7']);
  assert.equal((await router.observe('shop')).revision, 7);
});

test('another kind on the same port takes over with the present route, the former one gone first', async () => {
  const log: string[] = [];
  const router = routerByKind({ builtin: memoryRouter('builtin', log), nginx: memoryRouter('nginx', log) });
  await router.install(door('builtin'));
  await router.apply(ROUTE);
  log.length = 0;

  await router.install(door('nginx'));

  assert.deepEqual(log, ['builtin remove', 'nginx install', 'nginx apply 7']);
});

test('on another port the new one serves before the former one goes', async () => {
  const log: string[] = [];
  const router = routerByKind({ builtin: memoryRouter('builtin', log), nginx: memoryRouter('nginx', log) });
  await router.install(door('builtin'));
  await router.apply(ROUTE);
  log.length = 0;

  await router.install(door('nginx', 8081));

  assert.deepEqual(log, ['nginx install', 'nginx apply 7', 'builtin remove']);
});

test('where the new kind cannot be had, the former one is back with its route', async () => {
  const log: string[] = [];
  const builtin = memoryRouter('builtin', log);
  const router = routerByKind({ builtin, nginx: memoryRouter('nginx', log, true) });
  await router.install(door('builtin'));
  await router.apply(ROUTE);

  await assert.rejects(router.install(door('nginx')), { code: 'TRAFFIC_DOOR_TAKEN' });

  assert.equal((await router.observe('shop')).revision, 7);
  assert.equal((await builtin.observe('shop')).revision, 7);
});

test('after a restart a service is found where its door is', async () => {
  const log: string[] = [];
  const routers = { builtin: memoryRouter('builtin', log), nginx: memoryRouter('nginx', log) };
  await routers.nginx.install(door('nginx'));
  await routers.nginx.apply(ROUTE);

  const router = routerByKind(routers);

  assert.equal((await router.observe('shop')).revision, 7);
  assert.equal((await router.traffic('shop', 'builtin.5')).cursor, 'nginx.1');
});

test('a kind that this server has no router for is refused', async () => {
  const router = routerByKind({ builtin: memoryRouter('builtin', []) });

  await assert.rejects(router.install(door('nginx')), { code: 'TRAFFIC_PROXY_UNKNOWN' });
});

test('each kind can what it can, whatever the others lack', () => {
  const router = routerByKind({ builtin: memoryRouter('builtin', []), nginx: memoryRouter('nginx', []) });

  assert.equal(router.capabilities.mirror, false);
  assert.equal(router.capabilitiesOf('nginx')!.mirror, true);
  assert.equal(router.capabilitiesOf('haproxy'), null);
});
