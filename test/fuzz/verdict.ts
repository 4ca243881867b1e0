import assert from 'node:assert/strict';
import { applyBody } from '../../src/http/bodies.ts';
import { checkPart } from '../../src/http/route.ts';
import { OperatingError } from '../../src/lib/errors.ts';
import type { Diagnostic } from '../../src/release/diagnostic.ts';
import { expandConfig } from '../../src/release/expand.ts';
import { FILE_CODES } from '../../src/release/file-codes.ts';
import { parseConfig } from '../../src/release/parse.ts';
import type { Config } from '../../src/release/read.ts';
import { renderAnnotation, renderDiagnostics } from '../../src/release/render-diagnostic.ts';
import type { Input } from './inputs.ts';

/** What must hold for every input. */
export const BOUNDS = {
  /** Processor time, milliseconds: a part for any input, and a part for each KiB of it. */
  ms: 250,
  msPerKiB: 5,
  /** Characters of all that is printed for one input; of it as JSON; of one message. */
  printed: 100_000,
  json: 300_000,
  message: 400,
  diagnostics: 100,
} as const;

export type Outcome = 'valid' | 'refused' | 'no JSON';

const ENVIRONMENT = { A: '1', HOME: '/home/ana', REPLICAS: '3', EMPTY: '', TEXT: '\u001b[31m\n: {' };

/** Reads the input as the command and the API do. Throws where a bound is passed. */
export function judge(input: Input): Outcome {
  const startMicros = cpuMicros();
  const outcome = input.kind === 'file' ? judgeFile(input.bytes.toString('utf8')) : judgeBody(input.text);
  const tookMs = (cpuMicros() - startMicros) / 1000;
  const size = input.kind === 'file' ? input.bytes.length : input.text.length;
  const mostMs = BOUNDS.ms + (BOUNDS.msPerKiB * size) / 1024;
  assert.ok(tookMs <= mostMs, `took ${tookMs.toFixed(0)} ms for ${size} bytes`);
  assert.deepEqual(pollution(), [], 'what all objects inherit was changed');
  return outcome;
}

function cpuMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

const INHERITED = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
const BEFORE = INHERITED.map((each) => Reflect.ownKeys(each).length);

function pollution(): readonly unknown[] {
  return INHERITED.filter((each, at) => Reflect.ownKeys(each).length !== BEFORE[at]);
}

function judgeFile(text: string): Outcome {
  const result = parseConfig(text, 'bascule.yaml', ENVIRONMENT);
  if (!result.ok) {
    checkDiagnostics(result.diagnostics, text);
    return 'refused';
  }
  checkConfig(result.config);
  return 'valid';
}

/** What a file comes to reads back to the same, and the API takes it. */
function checkConfig(config: Config): void {
  const services = Object.values(config.services);
  assert.ok(services.length > 0 && Object.isFrozen(config.services), 'no services, or not frozen');
  const again = parseConfig(expandConfig(config), 'bascule.yaml', {});
  assert.ok(again.ok, again.ok ? '' : `written out it is refused: ${renderDiagnostics(again.diagnostics)}`);
  assert.deepEqual(again.config, config, 'written out it reads otherwise');
  for (const spec of services) checkPart(applyBody, JSON.parse(JSON.stringify({ spec })), 'body');
}

function checkDiagnostics(diagnostics: readonly Diagnostic[], text: string): void {
  assert.ok(
    diagnostics.length >= 1 && diagnostics.length <= BOUNDS.diagnostics,
    `${diagnostics.length} of them`,
  );
  const lines = text.split('\n').length;
  for (const one of diagnostics) {
    assert.ok(Object.hasOwn(FILE_CODES, one.code), `code ${one.code}`);
    assert.ok(one.line >= 1 && one.line <= lines && one.column >= 1 && one.length >= 1, 'its place');
    for (const part of [one.message, one.note, one.fix ?? '']) {
      assert.ok(part.length <= BOUNDS.message, `${part.length} characters in one message`);
    }
    assertPlain(renderAnnotation(one));
  }
  const printed = renderDiagnostics(diagnostics);
  assert.ok(printed.length <= BOUNDS.printed, `${printed.length} characters printed`);
  assertPlain(printed);
  const json = JSON.stringify(diagnostics).length;
  assert.ok(json <= BOUNDS.json, `${json} characters of JSON`);
}

function judgeBody(text: string): Outcome {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'no JSON';
  }
  try {
    checkPart(applyBody, value, 'body');
    return 'valid';
  } catch (error) {
    assert.ok(error instanceof OperatingError && error.code === 'REQUEST_INVALID', String(error));
    assert.ok(
      error.message.length <= 10 * BOUNDS.message,
      `${error.message.length} characters in the answer`,
    );
    return 'refused';
  }
}

/** Nothing that moves the cursor of a terminal or turns the direction of its text; tabs and ends of lines apart. */
function assertPlain(text: string): void {
  // eslint-disable-next-line no-control-regex -- finding them is the point
  const found = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.exec(text);
  assert.equal(found, null, `prints a control character, 0x${found?.[0].codePointAt(0)?.toString(16)}`);
}
