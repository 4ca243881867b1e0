import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planWith, SPEC } from '../rollout/fixtures.ts';
import type { RouterCapabilities, TrafficRouter } from '../traffic/router.ts';
import { assertProxyCan, capabilitiesOf, missingFor } from './proxy-can.ts';

const ALL: RouterCapabilities = {
  shareStepPercent: 0.1,
  sticky: ['cookie', 'header', 'address', 'none'],
  identities: true,
  override: true,
  hold: true,
  mirror: true,
  preview: true,
};
const LESS: RouterCapabilities = {
  ...ALL,
  shareStepPercent: 1,
  sticky: ['cookie', 'none'],
  override: false,
};

const byAddress = { ...SPEC, policy: { ...SPEC.policy, sticky: { by: 'address' as const } } };

function share(percent: number) {
  return planWith([{ kind: 'share', percent, atLeastMs: 1, atMostMs: 1, bake: false }]);
}

test('a proxy that can do all is asked for nothing in vain', () => {
  assert.deepEqual(missingFor(byAddress, share(0.3), ALL), []);
});

test('a way of sticking that the proxy does not know is named with those that it knows', () => {
  assert.deepEqual(missingFor(byAddress, null, LESS), ['sticky by address (it knows cookie, none)']);
});

test('the plan decides which shares are asked for, and one too fine is named', () => {
  const spec = { ...SPEC, policy: { ...SPEC.policy, stepsPercent: [2.5, 100] } };
  assert.deepEqual(missingFor(spec, share(5), LESS), []);
  assert.deepEqual(missingFor(spec, null, LESS), ['a share of 2.5 % (its shares are multiples of 1 %)']);
});

test('an override is refused where the proxy has none, naming the proxy', () => {
  const override = { header: 'X-Version', allow: { kind: 'networks', networks: ['10.0.0.0/8'] } } as const;
  const spec = { ...SPEC, door: { ...SPEC.door, override } };
  const router = { capabilities: ALL, capabilitiesOf: () => LESS } as unknown as TrafficRouter;

  assert.throws(() => assertProxyCan(router, spec, null), {
    code: 'PROXY_UNSUPPORTED',
    message: /The proxy of shop, builtin, cannot .*: override\. Nothing was started/,
  });
});

test('each kind is asked for itself; a router of one kind for that', () => {
  const router = { capabilities: LESS, capabilitiesOf: (kind: string) => (kind === 'nginx' ? null : ALL) };
  assert.equal(capabilitiesOf(router as unknown as TrafficRouter, 'builtin'), ALL);
  assert.equal(capabilitiesOf(router as unknown as TrafficRouter, 'nginx'), LESS);
  assert.equal(capabilitiesOf({ capabilities: ALL } as TrafficRouter, 'builtin'), ALL);
});
