/** The built-in proxy as a program of its own, as `bascule proxy` runs it: its state directory, its number of workers. */
import { runProxy } from '../../src/traffic/builtin/proxy-main.ts';

const [stateDir = '', workers = '1'] = process.argv.slice(2);
await runProxy({ stateDir, workers: Number(workers) });
