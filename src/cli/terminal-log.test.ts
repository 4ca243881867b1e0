import assert from 'node:assert/strict';
import { test } from 'node:test';
import { terminalLog } from './terminal-log.ts';

test('who watches the server reads what happened to whom, and nothing that could move the cursor', () => {
  const lines: string[] = [];
  const log = terminalLog(
    (line) => lines.push(line),
    () => 0,
    'UTC',
  );

  log.info({ service: 'shop', rollout: 'r-1', kind: 'slotStarted' }, 'v1 started on :8200');
  log.info({ service: 'shop', rollout: 'r-1', kind: 'routeProven' }, 'routeProven');
  log.warn({ service: 'shop' }, 'looking at the proxy: \u001b[2Jgone');
  log.error({ err: new Error('broken') }, 'a bug');

  assert.equal(lines[0], '00:00:00 shop r-1 v1 started on :8200\n');
  assert.equal(lines[1], '00:00:00 shop warn: looking at the proxy: ·[2Jgone\n');
  assert.match(lines[2]!, /^00:00:00 error: a bug\nError: broken\n {4}at /);
  assert.equal(lines.length, 3);
});
