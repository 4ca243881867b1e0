import { Readable } from 'node:stream';
import { spec, type TestEvent } from 'node:test/reporters';
import { endLeft } from './e2e/processes.ts';

/** The exit code of a run whose tests left processes behind, whatever else failed. */
export const LEFT_PROCESSES = 3;

/**
 * Node's own reporter, which besides names at the end what was skipped, and why; and fails the run if its tests left a
 * process behind.
 */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  yield* Readable.from(withSkips(events)).pipe(new spec());
  const left = endLeft(process.pid);
  if (left.length === 0) return;
  process.exitCode = LEFT_PROCESSES;
  yield `✖ tests left ${left.length} processes behind, which were ended now:\n${left.map((each) => `  ${each}\n`).join('')}`;
}

/** The reasons go in front of the first of the closing lines, `tests 123`. */
async function* withSkips(events: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  const skipped: string[] = [];
  let told = false;
  for await (const event of events) {
    if (event.type === 'test:pass' && event.data.skip !== undefined && event.data.skip !== false) {
      const { name, skip } = event.data;
      skipped.push(`${name}: ${typeof skip === 'string' && skip !== '' ? skip : 'no reason given'}`);
    }
    if (event.type === 'test:diagnostic' && /^tests \d+$/u.test(event.data.message) && !told) {
      told = true;
      for (const line of skipped)
        yield { ...event, data: { ...event.data, message: `skipped here: ${line}` } };
    }
    yield event;
  }
}
