import { createWriteStream, existsSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { renameDurablySync } from '../../lib/durable-file.ts';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { formatSize } from '../../release/units.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, type Verb } from '../verb.ts';

const NOT_IN_IT =
  'Not in it, on purpose: keys/journal.key and secrets/. Keep a copy of each apart from it; without the key it cannot be restored.';

export const backup: Verb = {
  run: async ({ io, client, args, json }) => {
    const file = resolve(io.cwd, args[0]!);
    if (existsSync(file)) throw notWritten(file, 'it is there already, and is not overwritten');
    const temporary = `${file}.part`;
    const leaving = new AbortController();
    const stop = io.onInterrupt(() => leaving.abort());
    try {
      const stream = await client.stream('GET /backup', {}, { signal: leaving.signal });
      await pipeline(stream, createWriteStream(temporary, { mode: 0o600, flush: true })).catch(
        (error: unknown) => {
          throw notWritten(file, messageOf(error), error);
        },
      );
      renameDurablySync(temporary, file);
    } finally {
      stop();
      rmSync(temporary, { force: true });
    }
    const { size } = await stat(file);
    if (json) printJson(io, { file, bytes: size });
    else io.out(`${file}: ${formatSize(size)}\n${NOT_IN_IT}\n`);
    return EXIT.done;
  },
};

function notWritten(file: string, why: string, cause?: unknown): OperatingError {
  return new OperatingError(
    'BACKUP_NOT_WRITTEN',
    `${file} was not written: ${why}. There is no backup; the server goes on. Name a file that is not there, on a disk with room.`,
    { retryable: false, cause },
  );
}
