/**
 * The load generator as a process: `node test/e2e/load/main.ts --port 8080 --duration 10s` prints its report as JSON.
 * Forked (`remote.ts`), it takes commands over the IPC channel, and ends when whoever forked it is gone.
 */
import { unreachable } from '../../../src/lib/assert.ts';
import { messageOf } from '../../../src/lib/errors.ts';
import { startLoad } from './load.ts';
import { parseLoadArguments } from './options.ts';
import type { Answer, Command } from './remote.ts';

const options = parseLoadArguments(process.argv.slice(2));
const forked = process.send !== undefined;
if (!forked && options.durationMs === null) throw new Error('--duration is needed');
const load = startLoad(options);

if (options.durationMs !== null) setTimeout(() => void finish(), options.durationMs);
if (forked) {
  // Ctrl-C reaches the whole group; whoever forked this decides when the load ends.
  process.on('SIGINT', () => undefined);
  process.on('message', (command: Command) => {
    obey(command).then(
      (result) => reply({ id: command.id, result }),
      (error: unknown) => reply({ id: command.id, error: messageOf(error) }),
    );
  });
  process.once('disconnect', () => process.exit(1));
} else {
  process.once('SIGINT', () => void finish());
  process.once('SIGTERM', () => void finish());
}

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'snapshot':
      return load.snapshot();
    case 'switched':
      load.switched();
      return null;
    case 'served':
      await load.served(command.version, command.count, command.withinMs);
      return null;
    case 'stop':
      return load.stop();
  }
  return unreachable(command);
}

function reply(answer: Answer): void {
  if (process.connected) process.send!(answer);
}

async function finish(): Promise<void> {
  const report = await load.stop();
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(report.failed === 0 ? 0 : 1));
}
