import { OperatingError } from '../../lib/errors.ts';
import type { CodeEntry } from '../../release/code-entry.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, type Verb } from '../verb.ts';

export const explain: Verb = {
  run: async ({ io, json, args }) => {
    const { CODES } = await import('../../release/codes.ts');
    const { explain: explained, nearestCode } = await import('../../release/explain.ts');
    const code = (args[0] ?? '').trim().toUpperCase();
    const text = explained(code);
    if (text === null) throw unknown(code, nearestCode(code));
    if (json) printJson(io, { code, ...(CODES as Readonly<Record<string, CodeEntry>>)[code] });
    else io.out(text);
    return EXIT.done;
  },
};

function unknown(code: string, near: string | null): OperatingError {
  const hint = near === null ? 'docs/errors.md lists all.' : `Did you mean ${near}?`;
  return new OperatingError('CODE_UNKNOWN', `There is no code ${code}. ${hint}`, { retryable: false });
}
