#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { replaceProcessWith, HEAP_FLAGS } from './lib/heap-flags.ts';

// Compiled code of former runs is used again; what only the server and the proxy need is loaded by them alone: a verb
// that asks a question starts at once, and so does a proxy that takes the place of one that was killed.
enableCompileCache();
const argv = process.argv.slice(2);
const proxy = startedByServer(argv);
if (proxy === null) await runCommand();
else await runProxy(proxy);

async function runCommand(): Promise<void> {
  const { processIo } = await import('./cli/io.ts');
  const { runCli } = await import('./cli/run.ts');
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  process.exitCode = await runCli(argv, processIo(), {
    version,
    serve: async (options) => {
      replaceProcessWith(HEAP_FLAGS);
      return (await import('./serve.ts')).serve({ ...options, version });
    },
    restore: async (options) => (await import('./backup/restore.ts')).restore(options),
    proxy: async (options) => (await import('./traffic/builtin/proxy-main.ts')).runProxy(options),
  });
}

type ProxyArguments = { readonly stateDir: string; readonly workers: number | null };

/** The one form in which the server starts the proxy needs no parser: `proxy --state-dir /… [--workers N]`. */
function startedByServer([
  verb,
  first,
  stateDir,
  second,
  workers,
  ...more
]: readonly string[]): ProxyArguments | null {
  if (verb !== 'proxy' || first !== '--state-dir' || stateDir?.startsWith('/') !== true) return null;
  if (second === undefined) return { stateDir, workers: null };
  const isCount = second === '--workers' && /^[1-9]\d?$/.test(workers ?? '') && more.length === 0;
  return isCount ? { stateDir, workers: Number(workers) } : null;
}

async function runProxy(options: ProxyArguments): Promise<void> {
  const { runProxy: run } = await import('./traffic/builtin/proxy-main.ts');
  try {
    await run(options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'BUG';
    process.stderr.write(`error[${code}]: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
