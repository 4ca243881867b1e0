import type { Path, Problem } from './problem.ts';
import { isProxysOwn, MATCH_PLACES, PLAIN_VALUE, type RequestMatch } from './request-match.ts';
import type { ConditionInput } from './schema-match.ts';

/** What breaks a rule is added to `problems`. */
export function resolveMatches(
  input: readonly ConditionInput[],
  path: Path,
  problems: Problem[],
): readonly RequestMatch[] {
  return input.flatMap((one, index) => {
    const found = matchOf(one);
    if (typeof found !== 'string') return [found];
    problems.push({
      code: 'E057',
      path: [...path, index],
      at: 'value',
      message: 'not a condition on requests',
      note: found,
      fix: null,
    });
    return [];
  });
}

function matchOf(input: ConditionInput): RequestMatch | string {
  const named = MATCH_PLACES.filter((on) => input[on] !== undefined);
  const [on] = named;
  if (on === undefined || named.length > 1) return 'it has one of header, cookie and query';
  const written = input[on]!;
  const name = on === 'header' ? written.toLowerCase() : written;
  if (on === 'header' && isProxysOwn(name)) return `${written} is read or written by proxies themselves`;
  const { is, 'begins-with': begin } = input;
  if (is !== undefined && begin !== undefined) return 'it has one of is and begins-with';
  const text = is ?? begin;
  if (text === undefined) return { on, name, value: { kind: 'present' } };
  if (on !== 'header' && !PLAIN_VALUE.test(text)) return `no ${on} holds ${text} without escaping it`;
  return { on, name, value: { kind: is === undefined ? 'begins-with' : 'is', text } };
}
