import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OverrideSpec } from '../release/service.ts';
import { withDoorSecrets } from './door-secrets.ts';
import type { Door, TrafficRouter } from './router.ts';

/** What reaches the router behind, for a door with this override, where the secret's value is `value`. */
async function installed(override: OverrideSpec | undefined, value = ''): Promise<Door> {
  let seen: Door | null = null;
  const behind = { install: async (door: Door) => void (seen = door) } as unknown as TrafficRouter;
  const router = withDoorSecrets(behind, { resolve: async () => ({ value }) });
  await router.install({
    service: 'shop',
    spec: { override, proxy: { kind: 'builtin' } },
  } as unknown as Door);
  return seen!;
}

const SECRET: OverrideSpec = {
  header: 'X-Version',
  allow: { kind: 'secret', from: 'file', name: 'override' },
};

test('a door gets the value of the secret that its override refers to', async () => {
  const door = await installed(SECRET, 'a-secret-of-some-length\n');

  assert.deepEqual(door.override, {
    header: 'x-version',
    allow: { kind: 'secret', secret: 'a-secret-of-some-length' },
  });
});

test('networks are passed on, and a door without an override stays without', async () => {
  const allow = { kind: 'networks', networks: ['10.0.0.0/8'] } as const;

  assert.deepEqual((await installed({ header: 'X-Slot', allow })).override, { header: 'x-slot', allow });
  assert.equal((await installed(undefined)).override, undefined);
});

test('a secret that no configuration could take is refused without saying it', async () => {
  for (const value of ['short', 'with "quotes" and spaces in it', 'x'.repeat(201)]) {
    await assert.rejects(installed(SECRET, value), (error: Error & { code: string }) => {
      assert.equal(error.code, 'WORKLOAD_SECRET_UNSAFE');
      assert.ok(!error.message.includes(value));
      return true;
    });
  }
});
