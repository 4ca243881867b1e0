import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWorkers } from './master.ts';
import { observation, parseStats } from './stats.ts';

test('the master says which worker is new and which ones end', () => {
  const text = `#<PID>          <type>          <reloads>       <uptime>        <version>
12949           master          2 [failed: 1]   0d00h00m01s     2.6.12-1+deb12u4
# workers
12953           worker          0               0d00h00m01s     2.6.12-1+deb12u4
# old workers
12951           worker          1               0d00h00m07s     2.6.12-1+deb12u4
# programs

`;
  assert.deepEqual(parseWorkers(text), {
    master: 12_949,
    current: 12_953,
    living: [12_953, 12_951],
    failedReloads: 1,
  });
  assert.equal(parseWorkers('').current, null);
});

const HEALTH = { path: '/', intervalMs: 1000, timeoutMs: 700, rise: 3, fall: 2 };
const NAMES = '# pxname,svname,scur,stot,status,check_status,check_code,check_duration,check_health,last_chk';

function found(row: string) {
  const [state] = parseStats(`${NAMES}\nbascule.shop.blue,blue0,0,0,${row}\nother,x,0,0,UP,,,,,\n`);
  return observation(state!, HEALTH, 5, 'no database');
}

test('what HAProxy found is told in the words of every router', () => {
  assert.deepEqual(found('UP,L7OK,200,3,4,"OK, well"'), {
    replica: 0,
    healthy: true,
    goodInARow: 3,
    lastProbe: { atMs: 5, ok: true, found: '200', tookMs: 3, body: '' },
  });
  assert.deepEqual(found('DOWN 2/3,L7OK,200,3,2,').goodInARow, 2);
  assert.deepEqual(found('DOWN,L7STS,503,3,0,').lastProbe, {
    atMs: 5,
    ok: false,
    found: '503',
    tookMs: 3,
    body: 'no database',
  });
  assert.equal(found('UP 1/2,L4CON,,0,3,').goodInARow, 0);
  assert.equal(found('DOWN,L4CON,,0,0,').lastProbe!.found, 'connection refused');
  assert.equal(found('DOWN,* L7TOUT,,700,0,').lastProbe!.found, 'no answer within 700ms');
  assert.equal(found('MAINT,,,,0,').lastProbe, null);
});
