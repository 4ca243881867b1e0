import { parseDocument, type Document, type YAMLError } from 'yaml';

import type { Json } from '../lib/json.ts';
import { diagnosticAt, linesOf, type Diagnostic, type Lines, type Words } from './diagnostic.ts';
import type { Environment } from './interpolate.ts';
import type { Path, Problem } from './problem.ts';
import { readConfig, type Config } from './read.ts';
import { explainSyntax } from './yaml-errors.ts';
import { placeKey, readTree, type Span, type Tree } from './yaml-tree.ts';

export type ParseResult =
  | {
      readonly ok: true;
      readonly config: Config;
      /** The file as plain values with variables filled in: what a client sends, and the server reads again. */
      readonly document: Json;
    }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

const MAX_CHARACTERS = 1_048_576;
const MAX_DIAGNOSTICS = 100;

/**
 * The text of a `bascule.yaml` -> complete, frozen services, or everything that is wrong with it, each with its place.
 * `environment` is the client's own: it fills in `${…}` and nothing else. Never throws, whatever the text.
 */
export function parseConfig(text: string, file: string, environment: Environment): ParseResult {
  const lines = linesOf(file, text);
  if (text.length > MAX_CHARACTERS) {
    const words = { code: 'E005', message: 'the file is over 1 MiB', note: 'too large', fix: null } as const;
    return { ok: false, diagnostics: [diagnosticAt(linesOf(file, text.slice(0, 200)), [0, 1], words)] };
  }
  // "error" rather than "silent": silent drops the error about several documents, too.
  const document = parseDocument(text, {
    prettyErrors: false,
    logLevel: 'error',
    schema: 'core',
    version: '1.2',
    // The library compares each key with all before it; readTree finds the same with a set.
    uniqueKeys: false,
  });
  const syntax = syntaxDiagnostics(document, text, lines);
  if (syntax.fatal) return failed(syntax.diagnostics);
  if (document.contents === null) return failed([emptyFile(lines)]);
  const tree = readTree(document, text, environment);
  const diagnostics = [
    ...syntax.diagnostics,
    ...tree.faults.map((fault) => diagnosticAt(lines, fault.span, fault)),
  ];
  const result = readConfig(tree.value);
  if (!result.ok)
    diagnostics.push(
      ...result.problems
        .filter((problem) => isNews(problem, tree))
        .map((problem) => place(problem, tree, lines)),
    );
  if (diagnostics.length > 0 || !result.ok) return failed(diagnostics);
  return { ok: true, config: result.config, document: tree.value as Json };
}

function failed(diagnostics: readonly Diagnostic[]): ParseResult {
  const seen = new Set<string>();
  const unique = diagnostics.filter((one) => {
    const key = `${one.line}:${one.column}:${one.code}:${one.message}`;
    return !seen.has(key) && seen.add(key);
  });
  const sorted = unique.toSorted((a, b) => rank(a) - rank(b) || a.column - b.column);
  return { ok: false, diagnostics: sorted.slice(0, MAX_DIAGNOSTICS) };
}

/** A limit comes first: what lies beyond it was not read, and may be why something else seems to be missing. */
function rank(diagnostic: Diagnostic): number {
  return diagnostic.code === 'E005' ? 0 : diagnostic.line;
}

/** What could not be read is unknown, not missing or wrong: only the reason why it could not is reported. */
function isNews(problem: Problem, tree: Tree): boolean {
  const isAbsence = problem.code === 'E007' || problem.code === 'E004';
  if (problem.at === 'key' && !isAbsence) return true;
  if (hasFault(tree, problem.path, tree.faults)) return false;
  // A variable that is not set spoils its own value only; what is no YAML of ours may have been the missing key.
  const unread = tree.faults.filter((fault) => UNREAD.has(fault.code));
  return (
    !isAbsence || !hasFault(tree, problem.code === 'E007' ? problem.path.slice(0, -1) : problem.path, unread)
  );
}

const UNREAD = new Set(['E001', 'E003', 'E005']);

function hasFault(tree: Tree, path: Path, faults: Tree['faults']): boolean {
  const span = tree.places.get(placeKey(path))?.value ?? null;
  return span !== null && faults.some((fault) => fault.span[0] >= span[0] && fault.span[1] <= span[1]);
}

function place(problem: Problem, tree: Tree, lines: Lines): Diagnostic {
  const diagnostic = diagnosticAt(lines, spanFor(problem, tree, lines.text), problem);
  const mayHoldSecret =
    problem.code === 'E028' || (problem.code === 'E051' && diagnostic.sourceLine.includes('@'));
  return mayHoldSecret ? withoutValue(diagnostic) : diagnostic;
}

/** A secret that was written out stands in the file, but not in logs of the check as well. */
function withoutValue(diagnostic: Diagnostic): Diagnostic {
  const line = Array.from(diagnostic.sourceLine);
  const from = diagnostic.column - diagnostic.sourceColumn;
  const marked = line.slice(from, from + diagnostic.length).map(() => '•');
  return {
    ...diagnostic,
    sourceLine: [...line.slice(0, from), ...marked, ...line.slice(from + diagnostic.length)].join(''),
  };
}

/** The key or value itself; the nearest mapping around it where it is not written. */
function spanFor(problem: Problem, tree: Tree, text: string): Span {
  for (let path = problem.path; path.length > 0; path = path.slice(0, -1)) {
    const found = tree.places.get(placeKey(path));
    if (found === undefined) continue;
    const value = found.value;
    const isBlock =
      value === null || value[1] <= value[0] || text.slice(value[0], value[1]).trimEnd().includes('\n');
    const useKey = path.length < problem.path.length || problem.at === 'key' || isBlock;
    const span = useKey ? (found.key ?? value) : value;
    if (span !== null) return span;
  }
  const first = text.search(/[^\s#]/);
  return [Math.max(0, first), Math.max(0, first) + 1];
}

function syntaxDiagnostics(
  document: Document.Parsed,
  text: string,
  lines: Lines,
): { diagnostics: Diagnostic[]; fatal: boolean } {
  const diagnostics: Diagnostic[] = [];
  let fatal = false;
  let lastLine = -1;
  for (const error of [...document.errors, ...document.warnings].slice(0, MAX_DIAGNOSTICS)) {
    const { words, span, stops } = explainError(error, text);
    const diagnostic = diagnosticAt(lines, span, words);
    fatal ||= stops;
    // One slip often upsets several of YAML's rules: the first one on a line is the one to mend.
    if (stops && diagnostic.line === lastLine) continue;
    lastLine = stops ? diagnostic.line : lastLine;
    diagnostics.push(diagnostic);
  }
  const { yaml } = document.directives;
  if (yaml.explicit === true && yaml.version !== '1.2') {
    diagnostics.push(
      diagnosticAt(lines, [0, 5], {
        code: 'E003',
        message: `YAML ${yaml.version} is not read`,
        note: 'read as YAML 1.2',
        fix: 'take the %YAML line out',
      }),
    );
    fatal = true;
  }
  return { diagnostics, fatal };
}

function explainError(error: YAMLError, text: string): { words: Words; span: Span; stops: boolean } {
  const span: Span = [error.pos[0], Math.max(error.pos[1], error.pos[0] + 1)];
  return { words: explainSyntax(error.code, error.message, text, span), span, stops: true };
}

function emptyFile(lines: Lines): Diagnostic {
  const words: Words = {
    code: 'E004',
    message: 'the file is empty',
    note: '',
    fix: 'begin with version: 1 and services:',
  };
  return diagnosticAt(lines, [0, 1], words);
}
