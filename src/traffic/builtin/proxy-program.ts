/**
 * What the server starts as its proxy: `bascule proxy` without the code of all the other commands, because users wait
 * for a proxy that has to be started again.
 */
import { enableCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import { messageOf } from '../../lib/errors.ts';

enableCompileCache();
const { runProxy } = await import('./proxy-main.ts');
const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { 'state-dir': text, workers: text, build: text } });
try {
  const workers = values.workers === undefined ? null : Number(values.workers);
  await runProxy({ stateDir: values['state-dir']!, workers, build: values.build ?? null });
} catch (error) {
  // Whoever started it reads the reason from the state directory; this goes to its log.
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
