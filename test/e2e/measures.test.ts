/** A business measure in a real Prometheus that scrapes real processes: what falls goes back, what is as before goes on. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { noPrometheus, startPrometheus, type Prometheus } from './prometheus.ts';
import { canary, openStage, told, type App, type Settings, type Stage } from './stage.ts';

/** A shop that says how many signed up. Which part of its visitors does is a matter of its version. */
const SHOP = `import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { version, signs = 0.5 } = JSON.parse(readFileSync('version.json', 'utf8'));
let [requests, signups] = [0, 0];
createServer((request, response) => {
  response.setHeader('x-version', version);
  if (request.url === '/healthz') return response.end('ok');
  if (request.url === '/metrics')
    return response.end(\`# TYPE signup_total counter\\nsignup_total{service="\${process.env.BASCULE_SERVICE}",version="\${version}"} \${signups}\\n\`);
  requests += 1;
  if (requests * signs >= signups + 1) signups += 1;
  response.end(version);
}).listen(Number(process.env.PORT), '127.0.0.1');
`;

const QUERY = 'sum(increase(signup_total{service="{{service}}",version="{{version}}"}[{{window}}]))';
const LOAD = { perSecond: 120, users: 300, connections: 6, requests: ['GET /'] } as const;

describe('a measure in Prometheus', { skip: noPrometheus }, () => {
  const closers: (() => Promise<void>)[] = [];
  let stage: Stage;
  let prometheus: Prometheus;

  before(async () => {
    const scope = { after: (close: () => Promise<void>) => void closers.push(close) };
    stage = await openStage(scope);
    const file = await readFile(join(stage.stateDirectory, 'server.yaml'), 'utf8');
    const first = Number(/slot-ports: (\d+)-/u.exec(file)![1]);
    const ports = Array.from({ length: 16 }, (_, at) => first + at);
    prometheus = await startPrometheus(join(stage.world.directory, 'prometheus'), { ports });
    closers.push(() => prometheus.stop());
    await stage.controller().stop();
    await writeFile(
      join(stage.stateDirectory, 'server.yaml'),
      `${file}sources: {prometheus: {url: '${prometheus.url}', timeout: 1s}}\n`,
    );
    await stage.serve();
  });
  after(async () => {
    for (const close of closers.toReversed()) await close();
  });

  async function serving(name: string, measure: Settings = {}, more: Settings = {}): Promise<App> {
    const app = await stage.app(name, {
      'max-replicas': 1,
      strategy: canary({
        sticky: 'none',
        dwell: { 'at-least': '2s', 'at-most': '20s' },
        judge: {
          signups: { prometheus: QUERY, 'fewer-by': '30%', interval: '4s', delay: '1s', ...measure },
        },
        ...more,
      }),
    });
    await app.write('server.mjs', SHOP);
    const ran = await app.deploy('v1');
    assert.equal(ran.code, 0, told(ran));
    return app;
  }

  test('a version whose signups fall is rolled back, with the numbers', async () => {
    const app = await serving('falls');
    app.load(LOAD);

    const ran = await app.deploy('v2', { signs: 0.1 } as never);

    assert.equal(ran.code, 10, told(ran));
    assert.match(ran.stdout, /signups -\d+% \[.*\] is fewer than stable's by over 30%/u);
    const why = await app.run(['why', (await app.view()).last!.id]);
    assert.match(why.stdout, /signups +v2 [\d.]+\/1000 +v1 [\d.]+\/1000 .*✖ worse/u);
  });

  test('one whose signups are as before is promoted', async () => {
    const app = await serving('same');
    app.load(LOAD);

    const ran = await app.deploy('v2');

    assert.equal(ran.code, 0, told(ran));
    const { verdict } = (await app.view()).last!;
    assert.equal(verdict!.measures![0]!.state, 'not-worse', JSON.stringify(verdict!.measures));
  });

  test('while Prometheus is down the step is held, and goes on once it is back', async () => {
    const app = await serving('held', {}, { dwell: { 'at-least': '2s', 'at-most': '50s' } });
    app.load(LOAD);
    await prometheus.stop();
    const running = await app.begin('v2');

    const held = await app.until(
      'the measure holds it',
      ({ rollout }) => rollout?.waiting?.includes('its source is down') === true,
      { withinMs: 40_000 },
    );
    assert.equal(held.rollout!.verdict!.measures![0]!.state, 'source-down');
    assert.equal(held.rollout!.sharePercent, 50);
    const status = await app.run(['status', 'held']);
    assert.match(status.stdout, /signups .*source down.*waits/u);
    assert.match(status.stdout, /ECONNREFUSED/u);
    await prometheus.start();
    const ran = await running.ran;

    assert.equal(ran.code, 0, told(ran));
  });

  test('where the file takes its absence for harm, it goes back for that; where it ignores it, it goes on', async () => {
    const fails = await serving('fails', { 'source-down': 'fail' });
    const ignores = await serving('ignores', { 'source-down': 'ignore' });
    fails.load(LOAD);
    ignores.load(LOAD);
    await prometheus.stop();

    const [back, on] = await Promise.all([fails.deploy('v2'), ignores.deploy('v2')]);
    await prometheus.start();

    assert.equal(back.code, 10, told(back));
    assert.match(back.stdout, /signups has had no value for 3 windows in a row .*"source-down: fail"/u);
    assert.equal(on.code, 0, told(on));
  });
});
