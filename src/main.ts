#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';

// Compiled code of former runs is used again; what only the server and the proxy need is loaded by them alone: a verb
// that asks a question starts at once.
enableCompileCache();
const { processIo } = await import('./cli/io.ts');
const { runCli } = await import('./cli/run.ts');
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

process.exitCode = await runCli(process.argv.slice(2), processIo(), {
  version,
  serve: async (options) => (await import('./serve.ts')).serve({ ...options, version }),
  proxy: async (options) => (await import('./traffic/builtin/proxy-main.ts')).runProxy(options),
});
