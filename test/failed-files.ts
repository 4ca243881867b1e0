import type { TestEvent } from 'node:test/reporters';

/** A reporter for `run-all.ts`: the files of the tests that failed, a line each. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const told = new Set<string>();
  for await (const event of events) {
    if (event.type !== 'test:fail' || event.data.file === undefined || told.has(event.data.file)) continue;
    told.add(event.data.file);
    yield `${event.data.file}\n`;
  }
}
