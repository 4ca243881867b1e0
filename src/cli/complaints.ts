import { CommanderError } from 'commander';
import { OperatingError, messageOf } from '../lib/errors.ts';
import { printable } from '../release/problem.ts';
import { renderAnnotation, renderDiagnostics } from '../release/render-diagnostic.ts';
import { ServerProblem } from './server-problem.ts';
import type { Io } from './io.ts';
import { InvalidFile } from './spec-file.ts';
import { printJson } from './verb.ts';

/** Says what went wrong: for people on stderr, for programs as JSON on stdout. */
export function complain(error: unknown, exitCode: number, io: Io, json: boolean): void {
  if (json) printJson(io, { error: { ...described(error), exitCode } });
  else if (error instanceof InvalidFile) sayFile(error, io);
  else if (error instanceof OperatingError) sayOperating(error, io);
  else sayBug(error, io);
}

function described(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof InvalidFile) {
    return { code: error.code, message: error.message, retryable: false, diagnostics: error.diagnostics };
  }
  if (error instanceof ServerProblem) {
    const { now, requestId } = error.problem;
    return { code: error.code, message: error.message, retryable: error.retryable, requestId, now };
  }
  if (error instanceof OperatingError) {
    return { code: error.code, message: error.message, retryable: error.retryable };
  }
  if (error instanceof CommanderError) return { code: 'USAGE', message: plainUsage(error), retryable: false };
  return { code: 'BUG', message: messageOf(error), retryable: false };
}

/** commander’s message without its prefix. */
export function plainUsage(error: CommanderError): string {
  return error.message.replace(/^error: /, '').replaceAll('\n', ' ');
}

function sayFile(error: InvalidFile, io: Io): void {
  io.err(renderDiagnostics(error.diagnostics));
  if (io.env['GITHUB_ACTIONS'] === 'true') {
    for (const diagnostic of error.diagnostics) io.err(`${renderAnnotation(diagnostic)}\n`);
  }
}

function sayOperating(error: OperatingError, io: Io): void {
  // Lines of a message stay lines; what is in them cannot steer the terminal.
  const message = error.message.split('\n').map(printable).join('\n');
  io.err(`error[${error.code}]: ${message}\n`);
  if (error instanceof ServerProblem && error.problem.now !== null) {
    const { users, rollout, phase, allowedActions } = error.problem.now;
    const under = rollout === null ? '' : `; ${rollout} is ${phase}`;
    io.err(`  now      ${printable(users)}${under}\n`);
    if (allowedActions.length > 0) io.err(`  allowed  ${allowedActions.join(', ')}\n`);
  }
  if (error instanceof ServerProblem && error.status === 500)
    io.err(`  request  ${printable(error.problem.requestId)}\n`);
  io.err(`  more     bascule explain ${error.code}\n`);
}

function sayBug(error: unknown, io: Io): void {
  io.err(`error: this is a fault in Bascule: ${messageOf(error)}\n`);
  if (io.env['BASCULE_DEBUG'] !== undefined && error instanceof Error) io.err(`${error.stack}\n`);
  else io.err('  more     run it again with BASCULE_DEBUG=1, and report what it prints\n');
}
