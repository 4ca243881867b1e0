import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CertificateObservation, DoorObservation } from '../traffic/router.ts';
import { CertificatesSeen } from './certificates-seen.ts';

const GOOD: CertificateObservation = {
  file: '/etc/shop.pem',
  names: ['shop.test'],
  notAfterMs: 1,
  problem: null,
};
const SLOT = { replicas: [], inFlight: 0, streams: 0 };

test('a problem is told once, and so is its end', () => {
  const told: string[] = [];
  const write = (_fields: unknown, message: string): void => void told.push(message);
  const seen = new CertificatesSeen({ info: write, warn: write, error: write });
  const note = (...certificates: CertificateObservation[]): void => {
    const observation: DoorObservation = { revision: 1, slots: { blue: SLOT, green: SLOT }, certificates };
    seen.note('shop', observation);
  };

  note(GOOD);
  note({ ...GOOD, problem: 'no such file' });
  note({ ...GOOD, problem: 'no such file' });
  assert.equal(seen.of('shop')![0]!.problem, 'no such file');
  note(GOOD);

  assert.deepEqual(told, ['a certificate cannot be used: no such file', '/etc/shop.pem is in use again']);
  seen.note('shop', { revision: 1, slots: { blue: SLOT, green: SLOT } });
  assert.equal(seen.of('shop'), null);
});
