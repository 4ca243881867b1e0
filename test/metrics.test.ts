import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { ANA, World, WORLD_SPEC } from '../src/controller/world-fixture.ts';

const ROOT = join(import.meta.dirname, '..');
const NO_PROMTOOL =
  spawnSync('promtool', ['--version']).status === 0 ? false : 'promtool is not on this machine';
/** Of the library, documented as two families. */
const OWN_PROCESS = /^bascule_(?:process|nodejs)_/u;

type Metric = { readonly type: string; readonly help: string; readonly labels: readonly string[] };

/** What is told, by name. */
function metricsIn(text: string): ReadonlyMap<string, Metric> {
  const helps = new Map([...text.matchAll(/^# HELP (\S+) (.*)$/gmu)].map(([, name, help]) => [name!, help!]));
  return new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gmu)].map(([, name, type]) => {
      const first = new RegExp(`^${name}(?:_bucket|_count)?\\{(.*)\\} `, 'mu').exec(text)?.[1] ?? '';
      const labels = [...first.matchAll(/(\w+)="/gu)].map((match) => match[1]!);
      return [name!, { type: type!, help: helps.get(name!) ?? '', labels }];
    }),
  );
}

describe('/metrics', () => {
  let text: string;
  before(async () => {
    const world = new World();
    world.messages = [{ channel: 'ops', kind: 'slack', counts: { sent: 3, failed: 1, dropped: 0 } }];
    await world.serving();
    await world.deploy('v2', {
      spec: {
        ...WORLD_SPEC,
        policy: {
          ...WORLD_SPEC.policy,
          dwell: { atLeastMs: 60_000, atMostMs: 120_000 },
          judge: { checks: [{ kind: 'error-rate', worseByPp: 20 }], warmUpMs: 0 },
        },
      },
    });
    await world.until('v2 has a share', () => world.service().rollout?.phase === 'dwelling');
    await world.pass(4000);
    await world.controller.steer.pause('shop', ANA);
    world.certificates = [
      { file: '/etc/shop.pem', names: ['shop'], notAfterMs: 1_800_000_000_000, problem: null },
    ];
    await world.pass(4000);
    text = await world.controller.read.metrics();
  });

  test('docs/metrics.md has each metric as it is, and none that is not', () => {
    const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');
    const written = [...page.matchAll(/^\| `(bascule_\w+)` \| (\w+) \| (.*) \| (.*) \|$/gmu)].map(
      ([, name, type, labels, help]) => [
        name,
        type,
        [...labels!.matchAll(/`(\w+)`/gu)].map((one) => one[1]),
        help,
      ],
    );
    const real = [...metricsIn(text)]
      .filter(([name]) => !OWN_PROCESS.test(name))
      .map(([name, { type, labels, help }]) => [name, type, labels, help]);

    assert.deepEqual(written, real);
    assert.ok(real.length >= 10, `${real.length} metrics`);
  });

  test('they say what is', () => {
    for (const line of [
      'bascule_build_info{version="test"} 1',
      'bascule_rollouts_ended_total{service="shop",outcome="done"} 1',
      'bascule_candidate_share_ratio{service="shop"} 0.25',
      'bascule_rollout_phase{service="shop",phase="dwelling"} 1',
      'bascule_rollout_waits_for_person{service="shop"} 1',
      'bascule_healthy_replicas{service="shop",slot="blue"} 2',
      'bascule_certificate_expires_timestamp_seconds{service="shop",file="/etc/shop.pem"} 1800000000',
      'bascule_messages_total{channel="ops",kind="slack",result="failed"} 1',
      'bascule_decisions_total{service="shop",kind="deploy"} 2',
    ])
      assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
    assert.match(text, /^bascule_proxy_attempts_total\{service="shop",slot="green",class="ok"\} [1-9]\d*$/mu);
  });

  test('promtool finds nothing against them', { skip: NO_PROMTOOL }, () => {
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });

    assert.deepEqual([checked.status, checked.stderr], [0, '']);
  });

  test('every metric that the Grafana dashboard asks for is there, with the labels that it names', () => {
    const dashboard = readFileSync(join(ROOT, 'packaging/grafana-dashboard.json'), 'utf8');
    const { panels } = JSON.parse(dashboard) as {
      panels: { targets: { expr: string; legendFormat: string }[] }[];
    };
    const real = metricsIn(text);
    const targets = panels.flatMap((panel) => panel.targets);
    assert.ok(targets.length >= 10, `${targets.length} queries`);

    for (const { expr, legendFormat } of targets) {
      const names = [...expr.matchAll(/bascule_\w+/gu)].map(([name]) => name);
      assert.ok(names.length > 0, expr);
      for (const name of names) {
        assert.ok(real.has(name), `${name} of ${expr}`);
        const asked = [...expr.matchAll(/(\w+)=~?"/gu), ...legendFormat.matchAll(/\{\{(\w+)\}\}/gu)];
        for (const [, label] of asked)
          assert.ok(real.get(name)!.labels.includes(label!), `${label} of ${expr}`);
      }
    }
  });
});
