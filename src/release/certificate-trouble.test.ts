import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateTrouble } from './certificate-trouble.ts';

const DAY_MS = 86_400_000;
const FILE = { file: '/etc/shop.pem', names: ['shop.test'], problem: null };

test('a certificate is told of from three weeks before its end on, and when it cannot be used', () => {
  const nowMs = Date.UTC(2030, 0, 1);
  const inDays = (days: number) => certificateTrouble({ ...FILE, notAfterMs: nowMs + days * DAY_MS }, nowMs);

  assert.equal(inDays(21), null);
  assert.deepEqual(
    [inDays(20.9)?.isBad, inDays(20.9)?.says],
    [false, '/etc/shop.pem runs out on 2030-01-21, in 20 days'],
  );
  assert.deepEqual([inDays(-0.1)?.isBad, inDays(-0.1)?.says], [true, '/etc/shop.pem ran out on 2029-12-31']);
  const broken = certificateTrouble({ ...FILE, notAfterMs: null, problem: 'no such file' }, nowMs)!;
  assert.deepEqual([broken.isBad, broken.says], [true, 'no such file: no HTTPS with it']);
  assert.equal(certificateTrouble({ ...FILE, notAfterMs: null }, nowMs), null);
});

test('what to do about one that the proxy asks for itself is not to mend files', () => {
  const asked = { ...FILE, notAfterMs: null, problem: 'ca.test gave none', isAskedFor: true } as const;

  assert.match(certificateTrouble(asked, 0)!.fix, /port 80/);
  assert.match(certificateTrouble({ ...asked, notAfterMs: DAY_MS, problem: null }, 0)!.fix, /proxy\.log/);
  assert.match(certificateTrouble({ ...FILE, notAfterMs: null, problem: 'gone' }, 0)!.fix, /mend the files/);
});
