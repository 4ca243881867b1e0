import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { LEFT_PROCESSES } from './reporter.ts';

/**
 * All tests. Those with real programs wait for these, and three files run beside each other: on a loaded machine a wait
 * may run out for want of a turn. So up to `MOST_AGAIN` files that failed are run once more, one after another with
 * nothing beside them. What fails there fails the run; what passes there is named at the end, for it needs mending too.
 */
const MOST_AGAIN = 3;
const SUITES = [
  'src/**/*.test.ts',
  'dashboard/src/**/*.test.ts',
  'test/*.test.ts',
  'test/e2e/load/*.test.ts',
  'test/e2e/*.test.ts',
  'sim/*.test.ts',
];

type Ended = { readonly code: number; readonly failedFiles: readonly string[] };

function run(files: readonly string[], concurrency: number): Promise<Ended> {
  const place = mkdtempSync(join(tmpdir(), 'bascule-tests-'));
  const failed = join(place, 'failed');
  const args = ['--test', `--test-concurrency=${concurrency}`];
  args.push('--test-reporter=./test/reporter.ts', '--test-reporter-destination=stdout');
  args.push('--test-reporter=./test/failed-files.ts', `--test-reporter-destination=${failed}`);
  const tests = spawn(process.execPath, [...args, ...files], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    tests.once('error', reject);
    tests.once('close', (code, signal) => {
      const failedFiles = readFileSync(failed, 'utf8').split('\n').filter(Boolean);
      rmSync(place, { recursive: true });
      // Ended by a signal, it did not run all of them.
      resolve({ code: signal === null ? (code ?? 1) : 1, failedFiles: signal === null ? failedFiles : [] });
    });
  });
}

const first = await run(SUITES, 3);
process.exitCode = first.code;
const again = first.failedFiles.map((file) => relative('.', file));
if (first.code !== LEFT_PROCESSES && again.length > 0 && again.length <= MOST_AGAIN) {
  process.stdout.write(
    `\n⚠ failed beside others, run again alone:\n${again.map((file) => `  ${file}\n`).join('')}\n`,
  );
  const second = await run(again, 1);
  process.exitCode = second.code;
  if (second.code === 0)
    process.stdout.write(
      `\n⚠ passed alone, so not sure of themselves (to be mended):\n${again.join('\n')}\n`,
    );
}
