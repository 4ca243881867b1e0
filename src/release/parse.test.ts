import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';
import { stringify } from 'yaml';

import { parseConfig, type ParseResult } from './parse.ts';
import { readConfig, type Config } from './read.ts';
import { renderAnnotation, renderDiagnostics } from './render-diagnostic.ts';
import { FILE } from './schema.ts';
import { keysAt } from './schema-walk.ts';

const SMALL = 'version: 1\nservices:\n  shop:\n    run: app --port $PORT\n    listen: 8080\n';

function accepted(text: string, environment: Record<string, string> = {}): Config {
  const result = parseConfig(text, 'bascule.yaml', environment);
  assert.ok(result.ok, result.ok ? '' : renderDiagnostics(result.diagnostics));
  return result.config;
}

function codes(result: ParseResult): readonly string[] {
  return result.ok ? [] : result.diagnostics.map((one) => one.code);
}

test('the first example of the design: five lines, blue-green with the standard preset', () => {
  const { shop } = accepted(`# yaml-language-server: $schema=./node_modules/bascule/schema/v1.json
version: 1
services:
  shop:
    run: gunicorn -b 127.0.0.1:$PORT app:app   # PORT is Bascule's
    replicas: 2
    health: /healthz
    listen: 8080
    strategy: blue-green
`).services;

  assert.equal(shop!.release.run, 'gunicorn -b 127.0.0.1:$PORT app:app');
  assert.deepEqual(shop!.scale, { replicas: 2, maxReplicas: 4 });
  assert.deepEqual(shop!.policy.stepsPercent, [100]);
  assert.equal(shop!.policy.watchMs, 300_000);
  assert.equal(shop!.policy.keepOldMs, 600_000);
  assert.deepEqual(shop!.policy.sticky, { by: 'none' });
});

const CANARY = `version: 1
services:
  shop:
    run: app
    listen: 8080
    strategy:
      canary:
        steps: [5%, 25%, 50%, 100%]
        dwell: {at-least: 1m, at-most: 5m}
        bake: 10m
        sticky: cookie
        judge:
          error-rate: {worse-by: 0.5pp}
          p95: {worse-by: 20%}
          SIGNUPS
        when-worse: rollback
        when-unsure: {wait: 30m, then: ask}
    host: shop.example.com
`;

test('the second example of the design: a canary with everything written out', () => {
  const { policy, door } = accepted(CANARY.replace(/ +SIGNUPS\n/, '')).services.shop!;

  assert.deepEqual(policy.stepsPercent, [5, 25, 50, 100]);
  assert.deepEqual(policy.dwell, { atLeastMs: 60_000, atMostMs: 300_000 });
  assert.deepEqual(policy.whenUnsure, { waitMs: 1_800_000, then: 'ask' });
  assert.deepEqual(policy.judge.checks, [
    { kind: 'error-rate', worseByPp: 0.5 },
    { kind: 'latency', quantile: 0.95, worseByPercent: 20 },
  ]);
  assert.equal(door.host, 'shop.example.com');
});

test('of the second example, the check on a Prometheus metric stands beside the others', () => {
  const signups = `signups: {prometheus: 'sum(rate(signup_total{version="{{version}}"}[1m]))', fewer-by: 10%}`;
  const { judge } = accepted(CANARY.replace('SIGNUPS', signups)).services.shop!.policy;

  assert.equal(judge.checks.length, 2);
  assert.deepEqual(
    judge.measures?.map(({ name, kind, limit }) => ({ name, kind, limit })),
    [{ name: 'signups', kind: 'rate', limit: { against: 'stable', harm: 'fewer', percent: 10 } }],
  );
});

test('variables are filled in where they stand, and $NAME is left to the shell', () => {
  const { shop } = accepted(
    'version: 1\nservices:\n  shop:\n    run: app --port $PORT --name ${NAME} --pid $$$$ ${MODE:-fast} $${HOME}\n' +
      '    replicas: ${N}\n    listen: "${LISTEN:?where}"\n    env: {N: "${N}", PLAIN: 1.10, OCTAL: 007, WORD: yes}\n',
    { NAME: 'shop', N: '3', LISTEN: '8080' },
  ).services;

  assert.equal(shop!.release.run, 'app --port $PORT --name shop --pid $$ fast ${HOME}');
  assert.equal(shop!.scale.replicas, 3);
  assert.equal(shop!.door.listen.port, 8080);
  assert.deepEqual(
    Object.values(shop!.release.env).map((value) => value.kind === 'plain' && value.value),
    ['3', '007', '1.10', 'yes'],
  );
});

test('a variable cannot bring structure into the file', () => {
  const { shop } = accepted(SMALL.replace('app', 'app ${X}'), { X: 'a"\n    user: root' }).services;

  assert.equal(shop!.release.user, null);
  assert.match(shop!.release.run ?? '', /user: root/);
});

test('anchors and aliases are followed, and mistakes below an alias are marked where they stand', () => {
  const text = `version: 1
services:
  a:
    run: app
    listen: 8080
    host: a.example.com
    strategy: &s {canary: {use: quick}}
  b: {run: app, listen: 8080, host: b.example.com, strategy: *s}
`;

  assert.equal(accepted(text).services.b!.policy.preset, 'quick');
  assert.deepEqual(codes(parseConfig(text.replace('quick', 'quik'), 'f', {})), ['E019']);
});

test('what comes out is frozen at every depth', () => {
  const { shop } = accepted(SMALL).services;

  assert.throws(() => Object.assign(shop!.policy.dwell, { atLeastMs: 1 }), TypeError);
});

test('the document that a client sends reads back to the same services on the server', () => {
  const result = parseConfig(CANARY.replace(/ +SIGNUPS\n/, ''), 'f', {});
  assert.ok(result.ok);

  const again = readConfig(JSON.parse(JSON.stringify(result.document)));

  assert.deepEqual(again, { ok: true, config: result.config });
});

test('a byte order mark and Windows line ends change nothing, not even places', () => {
  assert.deepEqual(accepted(`\uFEFF${SMALL.replaceAll('\n', '\r\n')}`), accepted(SMALL));

  const wrong = parseConfig(SMALL.replace('8080', 'none').replaceAll('\n', '\r\n'), 'f', {});

  assert.ok(!wrong.ok);
  assert.deepEqual(
    wrong.diagnostics.map(({ line, column, length }) => [line, column, length]),
    [[5, 13, 4]],
  );
});

test('annotations escape what GitHub reads as syntax', () => {
  const result = parseConfig(SMALL.replace('8080', '"50%, x: y"'), 'a,b:c.yaml', {});
  assert.ok(!result.ok);

  assert.equal(
    renderAnnotation(result.diagnostics[0]!),
    '::error file=a%2Cb%3Ac.yaml,line=5,col=13,endColumn=24,title=E024%3A listen must be a port such as 8080%2C or "address%3Aport"' +
      '::listen must be a port such as 8080, or "address:port"%0A50%25, x: y is not%0Abascule explain E024',
  );
});

test('a terminal cannot be written to through a file, nor flooded by a long line', () => {
  const text = SMALL.replace('8080', `"\u001B[2J\u202E${'x'.repeat(5000)}"`);
  const result = parseConfig(text, 'f', {});
  assert.ok(!result.ok);

  const output = renderDiagnostics(result.diagnostics);

  assert.ok(!output.includes('\u001B') && !output.includes('\u202E'));
  assert.ok(output.split('\n').every((line) => line.length < 300));
});

const HOSTILE: readonly (readonly [string, string])[] = [
  ['brackets without end', '['.repeat(100_000)],
  ['three thousand aliases', `a: &a 1\n${Array.from({ length: 3_000 }, (_, i) => `b${i}: *a\n`).join('')}`],
  [
    'aliases of aliases of aliases',
    [
      'v0: &v0 [x]',
      ...Array.from({ length: 9 }, (_, i) => `v${i + 1}: &v${i + 1} [${Array(9).fill(`*v${i}`).join(', ')}]`),
    ].join('\n'),
  ],
];

for (const [name, text] of HOSTILE) {
  test(`${name} are too much, and that is found in seconds`, { timeout: 20_000 }, () => {
    assert.ok(codes(parseConfig(text, 'f', {})).includes('E005'));
  });
}

test(
  'a hundred thousand variables that are not set are not a hundred thousand errors',
  { timeout: 20_000 },
  () => {
    assert.ok(codes(parseConfig(`a: "${'${X}'.repeat(100_000)}"`, 'f', {})).length <= 100);
  },
);

const RUNS = { numRuns: 400 };

test('whatever the text, there is an answer: services, or at least one diagnostic within the text', () => {
  const words = [
    'version: 1\n',
    'services:\n',
    '  shop:\n',
    '    run: app\n',
    '    listen: 8080\n',
    'strategy',
    'canary',
    '${A',
    '}',
    '$$',
    '*a',
    '&a',
    '- ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '\n',
    '  ',
    '\t',
    '#',
    '|',
    '>',
    '!x',
    '<<',
    '%',
    '5%',
    '?',
    '---\n',
    '\u0000',
    'é',
    '😀',
    '__proto__',
  ];
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join('')),
    fc
      .tuple(fc.nat(SMALL.length), fc.constantFrom(...words))
      .map(([at, word]) => SMALL.slice(0, at) + word + SMALL.slice(at)),
  );
  fc.assert(
    fc.property(text, (source) => {
      const result = parseConfig(source, 'f.yaml', { A: 'x' });
      if (result.ok) return;
      assert.ok(result.diagnostics.length > 0);
      renderDiagnostics(result.diagnostics);
      for (const one of result.diagnostics) {
        assert.equal(source.replaceAll('\r\n', '\n').split('\n').length >= one.line, true);
        assert.ok(one.column >= 1 && one.length >= 1);
      }
    }),
    { ...RUNS, numRuns: 1000 },
  );
});

test('whatever stands at whatever place, there is an answer', () => {
  const scalar = fc.oneof(
    fc.constantFrom(
      '5%',
      '5m',
      'none',
      'cookie',
      '/x',
      '8080',
      'env:X',
      'canary',
      '5% for 2m',
      '0.5pp',
      '1MiB',
    ),
    fc.string({ maxLength: 8 }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  );
  const { any } = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...everyKey()), tie('any'), { maxKeys: 4 }),
    ),
  }));
  const service = fc.dictionary(fc.constantFrom(...keysAt(FILE, ['services', 'x'])), any, { maxKeys: 6 });
  const file = fc.record({
    version: fc.constant(1),
    services: fc.dictionary(fc.constantFrom('a', 'b', 'B'), fc.oneof(service, any), { maxKeys: 3 }),
  });
  fc.assert(
    fc.property(fc.oneof(file, any), (value) => {
      readConfig(value);
      parseConfig(stringify(value), 'f', {});
    }),
    RUNS,
  );
});

function everyKey(): string[] {
  const strategy = ['services', 'x', 'strategy'];
  const paths = [
    [],
    ['services', 'x'],
    strategy,
    [...strategy, 'canary'],
    [...strategy, 'blue-green'],
    [...strategy, 'canary', 'judge'],
    ['services', 'x', 'health'],
    ['services', 'x', 'listen'],
  ];
  return [
    ...paths.flatMap((path) => keysAt(FILE, path)),
    'at-least',
    'at-most',
    'wait',
    'then',
    'header',
    'secret',
    'worse-by',
    'docker',
    'notify',
    'external',
  ];
}

function checksOf(verify: string) {
  const text = `version: 1\nservices:\n  shop:\n    run: app\n    listen: 8080\n    verify: ${verify}\n`;
  const result = parseConfig(text, 'f', {});
  assert.ok(result.ok, JSON.stringify(result));
  return result.config.services['shop']!.release.verify;
}

test('verify: short forms, one check and a list mean the same kinds of checks', () => {
  const http = {
    kind: 'http',
    method: 'GET',
    path: '/checkout',
    status: { from: 200, to: 299 },
    contains: null,
    headers: {},
    withinMs: 5000,
    attempts: 1,
  };
  const command = { kind: 'run', command: './smoke.sh', withinMs: 300_000, attempts: 1 };

  assert.deepEqual(checksOf('./smoke.sh'), [command]);
  assert.deepEqual(checksOf('/checkout'), [http]);
  assert.deepEqual(checksOf('[/checkout, ./smoke.sh]'), [http, command]);
  assert.deepEqual(checksOf('{run: ./smoke.sh, within: 30s, attempts: 3}'), [
    { ...command, withinMs: 30_000, attempts: 3 },
  ]);
  assert.deepEqual(
    checksOf('[{head: /, status: 3xx, within: 1s}, {get: /a, status: 404, contains: no, header: {X-A: b}}]'),
    [
      { ...http, method: 'HEAD', path: '/', status: { from: 300, to: 399 }, withinMs: 1000 },
      { ...http, path: '/a', status: { from: 404, to: 404 }, contains: 'no', headers: { 'x-a': 'b' } },
    ],
  );
});
