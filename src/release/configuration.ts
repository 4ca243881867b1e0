import { z } from 'zod';

import { FILE, SERVICE } from './schema.ts';
import { schemasAt } from './schema-walk.ts';
import { PRESETS } from './presets.ts';
import { PRESET_NAMES } from './service.ts';
import { formatDuration } from '../lib/duration.ts';
import { formatPercent } from './units.ts';
import { FACTS, type Owner } from './values.ts';

const OWNERS: Readonly<Record<Owner, string>> = {
  release: 'with the next rollout; part of the release',
  scale: '`apply`; refused during a rollout',
  policy: 'from the next rollout on; a running one keeps its own',
  door: '`apply`; refused during a rollout',
  targets: '`apply`; refused during a rollout',
};

type Row = {
  readonly key: string;
  readonly type: string;
  readonly default: string;
  readonly owner: string;
  readonly text: string;
};

/** docs/configuration.md, from the same schema that checks the file. */
export function renderConfiguration(): string {
  return [
    '# The configuration file',
    '',
    'Every key of `bascule.yaml`, version 1. Generated from the schema in `src/release/schema.ts`: `npm run generate`.',
    'Durations, percentages and sizes carry their unit (`5m`, `25%`, `0.5pp`, `64MiB`). `bascule config` prints a file with everything written out.',
    '',
    '`${A}`, `${A:-default}`, `${A:?text}` are filled in from the environment of the command that reads the file, `$$` is a dollar sign;',
    'a bare `$NAME` is left to the shell of the service. Secrets are references (`{secret: env:NAME}`, `{secret: file:NAME}`), read by the server at each start.',
    '',
    ...table('The file', rowsOf(FILE, null)),
    ...table('A service', rowsOf(SERVICE, null), '`services.NAME.…`'),
    ...group('targets', ['targets']),
    ...group('a secret', ['env', 'NAME']),
    ...group('health', ['health']),
    ...group(
      'a check of verify',
      ['verify'],
      'alone or in a list; `/checkout` alone is a GET, other text a command',
    ),
    ...group('listen', ['listen']),
    ...group('override', ['override']),
    ...ofBuiltin(),
    ...group('nginx', ['proxy', 'nginx'], 'what `nginx` may be given in place of its name alone'),
    ...group('tls', ['proxy', 'nginx', 'tls']),
    ...group('haproxy', ['proxy', 'haproxy'], 'what `haproxy` may be given in place of its name alone'),
    ...group('strategy', ['strategy']),
    ...group('canary', ['strategy', 'canary']),
    ...group('dwell', ['strategy', 'canary', 'dwell']),
    ...group(
      'mirror',
      ['strategy', 'canary', 'mirror'],
      'before the first share, of both strategies ([what it can and cannot see](judge.md#before-the-first-share))',
    ),
    ...group('header-only', ['strategy', 'canary', 'header-only'], 'after the mirror, of both strategies'),
    ...group('when-unsure', ['strategy', 'canary', 'when-unsure']),
    ...group('sticky', ['strategy', 'canary', 'sticky']),
    ...group(
      'an approval',
      ['strategy', 'canary', 'approvals', 'N'],
      'one of a list; [people](people.md#approvals) has what it means',
    ),
    ...group('judge', ['strategy', 'canary', 'judge']),
    ...group('use', ['strategy', 'canary', 'judge', 'use'], 'which judge decides'),
    ...group('limits', ['strategy', 'canary', 'judge', 'use', 'limits']),
    ...group('kayenta', ['strategy', 'canary', 'judge', 'use', 'kayenta']),
    ...group('a metric of kayenta', ['strategy', 'canary', 'judge', 'use', 'kayenta', 'metrics', 'NAME']),
    ...group(
      'a check',
      ['strategy', 'canary', 'judge', 'p95'],
      'error rates in percentage points (`0.5pp`), response times in percent of stable’s (`20%`)',
    ),
    ...group(
      'a measure',
      ['strategy', 'canary', 'judge', 'NAME'],
      'measured elsewhere; its name is of lowercase letters, digits and dashes, and none of the above ([guide](guides/measures.md))',
    ),
    ...group('blue-green', ['strategy', 'blue-green']),
    ...presets(),
  ].join('\n');
}

/** The built-in proxy, and what stands below its keys. */
function ofBuiltin(): readonly string[] {
  return [
    ...group('builtin', ['proxy', 'builtin'], 'what `builtin` may be given in place of its name alone'),
    ...table(
      'tls of builtin',
      schemasAt(SERVICE, ['proxy', 'builtin', 'tls'])
        .filter((schema) => schema instanceof z.ZodObject)
        .flatMap((mapping) => rowsOf(mapping, 'door')),
      '`services.NAME.proxy.builtin.tls.…`: certificate and key, or acme',
    ),
    ...group('acme', ['proxy', 'builtin', 'tls', 'acme'], 'certificates that the proxy asks for itself'),
    ...group(
      'a condition',
      ['proxy', 'builtin', 'when', 'N'],
      'one of a list, of `candidate-for` as well ([operation](operation.md#which-requests))',
    ),
    ...group('access-log', ['proxy', 'builtin', 'access-log']),
    ...group('per-replica', ['proxy', 'builtin', 'per-replica'], 'of the built-in proxy'),
    ...group('outlier-detection', ['proxy', 'builtin', 'outlier-detection'], 'of the built-in proxy'),
    ...group('timeouts', ['proxy', 'builtin', 'timeouts'], 'of the built-in proxy'),
    ...group('limits for clients', ['proxy', 'builtin', 'limits'], 'of the built-in proxy'),
    ...group('error-pages', ['proxy', 'builtin', 'error-pages'], 'of the built-in proxy'),
  ];
}

function group(title: string, path: readonly string[], words = ''): readonly string[] {
  const owner = FACTS.get(schemasAt(SERVICE, path.slice(0, 1)).find((schema) => FACTS.has(schema))!)?.owner;
  const mapping = schemasAt(SERVICE, path).find((schema) => schema instanceof z.ZodObject)!;
  return table(
    title,
    rowsOf(mapping, owner ?? null),
    `\`services.NAME.${path.join('.')}.…\`${words === '' ? '' : `: ${words}`}`,
  );
}

function rowsOf(mapping: z.ZodObject, owner: Owner | null): Row[] {
  return Object.entries(mapping.shape).map(([key, schema]) => {
    const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
    const facts = FACTS.get(inner);
    const needed = schema instanceof z.ZodOptional ? '' : 'required';
    const written =
      facts?.default === undefined ? (facts?.defaultNote ?? needed) : `\`${String(facts.default)}\``;
    const description = (inner as z.ZodType).description ?? '';
    return {
      key: `\`${key}\``,
      type: facts?.what ?? 'a mapping',
      default: written,
      owner: OWNERS[facts?.owner ?? owner ?? 'release'],
      text: description,
    };
  });
}

function table(title: string, rows: readonly Row[], where = ''): readonly string[] {
  const owners = new Set(rows.map((row) => row.owner));
  const shared = owners.size === 1;
  const head = shared
    ? ['key', 'value', 'default', 'what it does']
    : ['key', 'value', 'default', 'takes effect', 'what it does'];
  const lines = rows.map((row) => [row.key, row.type, row.default, ...(shared ? [] : [row.owner]), row.text]);
  const effect = shared && where !== '' ? [`Takes effect: ${[...owners][0]}.`, ''] : [];
  return [`## ${title}`, '', ...(where === '' ? [] : [where, '']), ...effect, ...markdown(head, lines), ''];
}

function presets(): readonly string[] {
  const rows = PRESET_NAMES.map((name) => {
    const { canary, blueGreen, whenUnsure, watchMs, keepOldMs } = PRESETS[name];
    const attempt =
      blueGreen.try === null
        ? 'no try'
        : `try ${formatPercent(blueGreen.try.percent)} for ${formatDuration(blueGreen.try.forMs)}`;
    return [
      `\`${name}\``,
      canary.stepsPercent.map(formatPercent).join(', '),
      `${formatDuration(canary.dwell.atLeastMs)} … ${formatDuration(canary.dwell.atMostMs)}`,
      formatDuration(canary.bakeMs),
      formatDuration(watchMs),
      `${whenUnsure.waitMs === 0 ? '' : `wait ${formatDuration(whenUnsure.waitMs)}, then `}${whenUnsure.then}`,
      formatDuration(keepOldMs),
      `${attempt}${blueGreen.askBeforeFull ? ', a person is asked' : ''}`,
    ];
  });
  const head = ['preset', 'canary steps', 'dwell', 'bake', 'watch', 'undecided', 'keep-old', 'blue-green'];
  return [
    '## Presets',
    '',
    '`strategy: canary` means `{canary: {use: standard}}`; what is written beside `use:` wins.',
    '',
    ...markdown(head, rows),
    '',
  ];
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
