import { OperatingError } from '../../lib/errors.ts';
import type { CodeEntry } from '../../release/code-entry.ts';
import { CODES } from '../../release/codes.ts';
import { explain as explained, nearestCode } from '../../release/explain.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, type Verb } from '../verb.ts';

export const explain: Verb = {
  name: 'explain',
  group: 'Other',
  describe: 'what a code means: its cause and what to do',
  configure: (command) => command.argument('<code>'),
  run: ({ io, json, args }) => {
    const code = (args[0] ?? '').trim().toUpperCase();
    const text = explained(code);
    if (text === null) throw unknown(code);
    if (json) printJson(io, { code, ...(CODES as Readonly<Record<string, CodeEntry>>)[code] });
    else io.out(text);
    return Promise.resolve(EXIT.done);
  },
};

function unknown(code: string): OperatingError {
  const near = nearestCode(code);
  const hint = near === null ? 'docs/errors.md lists all.' : `Did you mean ${near}?`;
  return new OperatingError('CODE_UNKNOWN', `There is no code ${code}. ${hint}`, { retryable: false });
}
