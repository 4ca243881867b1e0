import { HEALTH_PATH } from './forms.ts';
import { DEFAULTS } from './presets.ts';
import type { Path, Problem } from './problem.ts';
import type { CheckInput, VerifyInput } from './schema-verify.ts';
import type { VerifyCheck } from './service.ts';
import { measure } from './values.ts';

type Status = Extract<VerifyCheck, { kind: 'http' }>['status'];

const OF_ANSWERS = ['status', 'contains', 'header'] as const;

/** The checks of a `verify:`; what breaks a rule is added to `problems`. */
export function resolveVerify(
  input: VerifyInput | undefined,
  path: Path,
  problems: Problem[],
): readonly VerifyCheck[] {
  if (input === undefined) return [];
  if (!Array.isArray(input)) return checksOf(input, path, problems);
  const items: readonly (string | CheckInput | undefined)[] = input;
  // What was refused by its shape left a gap.
  return items.flatMap((one, index) => (one === undefined ? [] : checksOf(one, [...path, index], problems)));
}

function checksOf(input: string | CheckInput, path: Path, problems: Problem[]): readonly VerifyCheck[] {
  const block = typeof input === 'string' ? ofText(input, path, problems) : input;
  const kinds = (['get', 'head', 'run'] as const).filter((key) => block[key] !== undefined);
  if (kinds.length !== 1) {
    problems.push({
      code: 'E040',
      path,
      at: 'key',
      message: 'a check has one of get, head and run',
      note: kinds.length === 0 ? 'none of them is written' : `${kinds.join(' and ')} are written`,
      fix: kinds.length === 0 ? 'add get: /PATH, or run: COMMAND' : 'make each a check of its own',
    });
    return [];
  }
  const attempts = block.attempts ?? 1;
  if (block.run !== undefined) {
    const odd = OF_ANSWERS.find((key) => block[key] !== undefined);
    if (odd !== undefined) problems.push(notOfCommand(odd, [...path, odd]));
    const withinMs = measure(block.within, 'duration') ?? DEFAULTS.verifyRunWithinMs;
    return [{ kind: 'run', command: block.run, withinMs, attempts }];
  }
  return [
    {
      kind: 'http',
      method: block.get === undefined ? 'HEAD' : 'GET',
      path: block.get ?? block.head!,
      status: statusOf(block.status ?? '2xx'),
      contains: block.contains ?? null,
      headers: lowercased(block.header ?? {}),
      withinMs: measure(block.within, 'duration') ?? DEFAULTS.verifyWithinMs,
      attempts,
    },
  ];
}

/** What begins with a slash is a path: a command of that form is written out under `run`. */
function ofText(text: string, path: Path, problems: Problem[]): CheckInput {
  if (!text.startsWith('/')) return { run: text };
  if (!HEALTH_PATH.test(text)) {
    problems.push({
      code: 'E026',
      path,
      at: 'value',
      message: 'a check that begins with / is a path',
      note: 'not a path',
      fix: `for a command, write run: ${text}`,
    });
  }
  return { get: text };
}

function notOfCommand(key: string, path: Path): Problem {
  return {
    code: 'E040',
    path,
    at: 'key',
    message: `${key} is about an answer, and a command gives none`,
    note: 'only with get or head',
    fix: 'take it out; a command is good when its exit code is 0',
  };
}

function statusOf(written: number | string): Status {
  const text = String(written);
  if (!text.endsWith('xx')) return { from: Number(text), to: Number(text) };
  const from = Number(text[0]) * 100;
  return { from, to: from + 99 };
}

/** `200`, `2xx`. */
export function statusWords({ from, to }: Status): string {
  return from === to ? String(from) : `${from / 100}xx`;
}

function lowercased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
