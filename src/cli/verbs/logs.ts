import type { IncomingMessage } from 'node:http';
import { SLOT_NAMES } from '../../release/slot.ts';
import { printable } from '../../release/problem.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { Problem } from '../../http/answers.ts';
import { ServerProblem } from '../server-problem.ts';
import { EXIT } from '../exit-codes.ts';
import { oneOf, ofService, wholeNumber } from '../values.ts';
import type { Context, Verb } from '../verb.ts';

export const logs: Verb = {
  configure: (command) =>
    command
      .option('--slot <slot>', 'blue or green')
      .option('--candidate', 'of the version that is being rolled out')
      .option('--version <version>', 'of this version')
      .option('--tail <n>', 'begin with so many lines of each replica', '100')
      .option('-f, --follow', 'go on with what comes'),
  run: async (context) => {
    const { client, io, args } = context;
    const asked = { params: ofService(args[0]), query: queryOf(context) };
    const over = new AbortController();
    const stop = io.onInterrupt(() => over.abort());
    try {
      const response = await client.stream('GET /services/{service}/logs', asked, {
        signal: over.signal,
      });
      await printLines(context, response);
      if (context.options['follow'] === true && !over.signal.aborted) throw ended();
      return EXIT.done;
    } catch (error) {
      if (over.signal.aborted) return EXIT.detached;
      throw error;
    } finally {
      stop();
    }
  },
};

function queryOf({ options }: Context) {
  const asked = ['slot', 'candidate', 'version'].filter((name) => options[name] !== undefined);
  if (asked.length > 1) {
    const named = asked.map((name) => `--${name}`).join(' and ');
    throw new OperatingError('USAGE', `${named} say different things; give one. Nothing was done.`, {
      retryable: false,
    });
  }
  return {
    tail: String(wholeNumber('--tail', options['tail'] ?? '', 0)),
    ...(options['slot'] !== undefined && { slot: oneOf('--slot', options['slot'], SLOT_NAMES) }),
    ...(options['candidate'] === true && { candidate: 'true' as const }),
    ...(typeof options['version'] === 'string' && { version: options['version'] }),
    ...(options['follow'] === true && { follow: 'true' as const }),
  };
}

type LogLine = {
  readonly replica: number;
  readonly text: string;
  readonly problem?: Omit<Problem, 'requestId' | 'now'>;
};

async function printLines({ io, json }: Context, response: IncomingMessage): Promise<void> {
  const { createInterface } = await import('node:readline');
  for await (const text of createInterface({ input: response, crlfDelay: Infinity })) {
    const line = JSON.parse(text) as LogLine;
    if (line.problem !== undefined) throw new ServerProblem({ ...line.problem, requestId: '', now: null });
    io.out(json ? `${text}\n` : `${line.replica} | ${printable(line.text)}\n`);
  }
}

function ended(): OperatingError {
  return new OperatingError(
    'SERVER_UNREACHABLE',
    'The server has gone, and its logs with it. Run this again when it is back.',
    {
      retryable: true,
    },
  );
}
