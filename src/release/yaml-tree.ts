import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Alias,
  type Document,
  type Node,
  type Pair,
  type Scalar,
  visit,
} from 'yaml';

import type { FileCode } from './file-codes.ts';
import { interpolate, type Environment } from './interpolate.ts';
import { shown, type Path } from './problem.ts';

/** A YAML document as plain values, variables filled in, and where each of them stands. */
export type Tree = {
  readonly value: unknown;
  readonly places: ReadonlyMap<string, Place>;
  readonly faults: readonly TextFault[];
};

/** Half-open ranges of offsets into the text. */
export type Span = readonly [start: number, end: number];

export type Place = { readonly key: Span | null; readonly value: Span | null };

/** Something wrong at a known place. */
export type TextFault = {
  readonly code: FileCode;
  readonly span: Span;
  readonly message: string;
  readonly note: string;
  readonly fix: string | null;
};

export const MAX_DEPTH = 32;
export const MAX_VALUES = 20_000;
/** Far more than a person writes; each one may stand for a large part of the document. */
const MAX_ALIASES = 200;
/** Far more than is shown. */
const MAX_FAULTS = 500;

type Walk = {
  readonly document: Document.Parsed;
  readonly source: string;
  readonly environment: Environment;
  readonly places: Map<string, Place>;
  readonly faults: TextFault[];
  /** Anchors that are being read: an alias of one of them would never end. */
  readonly open: Set<Node>;
  /** What each alias stands for; null until the first one is read. */
  targets: ReadonlyMap<Node, Node | undefined> | null;
  values: number;
  aliases: number;
};

export function placeKey(path: Path): string {
  return JSON.stringify(path);
}

export function readTree(document: Document.Parsed, source: string, environment: Environment): Tree {
  const walk: Walk = {
    document,
    source,
    environment,
    places: new Map(),
    faults: [],
    open: new Set(),
    targets: null,
    values: 0,
    aliases: 0,
  };
  const value = document.contents === null ? null : read(walk, document.contents, []);
  return { value, places: walk.places, faults: walk.faults };
}

function read(walk: Walk, node: Node | null, path: Path): unknown {
  walk.values += 1;
  if (walk.values > MAX_VALUES || path.length > MAX_DEPTH) {
    const limit = path.length > MAX_DEPTH ? `deeper than ${MAX_DEPTH} levels` : `over ${MAX_VALUES} values`;
    return tooLarge(walk, node, limit);
  }
  if (node === null) return null;
  if (isAlias(node)) return readAlias(walk, node, path);
  if (isMap(node)) return readMap(walk, node.items as Pair<Node, Node | null>[], path);
  if (isSeq(node)) {
    return node.items.map((item, index) => {
      const at = [...path, index];
      walk.places.set(placeKey(at), { key: null, value: spanOf(item) });
      return read(walk, item as Node, at);
    });
  }
  return isScalar(node) ? readScalar(walk, node, path) : undefined;
}

/** Reported once: what lies beyond a limit is not read. */
function tooLarge(walk: Walk, node: Node | null, note: string): undefined {
  if (walk.faults.some((fault) => fault.code === 'E005')) return;
  walk.faults.push({
    code: 'E005',
    span: spanOf(node) ?? [0, 0],
    message: 'the file is too large or too deep',
    note,
    fix: null,
  });
}

function readAlias(walk: Walk, alias: Alias, path: Path): unknown {
  walk.aliases += 1;
  if (walk.aliases > MAX_ALIASES) return tooLarge(walk, alias, `over ${MAX_ALIASES} aliases`);
  walk.targets ??= targetsIn(walk.document);
  const target = walk.targets.get(alias);
  if (target === undefined || walk.open.has(target)) {
    const message =
      target === undefined
        ? `no anchor &${shown(alias.source)} before this alias`
        : 'an alias within its own anchor';
    fault(walk, 'E001', spanOf(alias) ?? [0, 0], {
      message,
      note: target === undefined ? 'unknown' : 'would never end',
    });
    return undefined;
  }
  walk.open.add(target);
  const value = read(walk, target, path);
  walk.open.delete(target);
  return value;
}

/** The last anchor of its name before each alias. The library's own `resolve` walks through the document each time. */
function targetsIn(document: Document.Parsed): ReadonlyMap<Node, Node | undefined> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node | undefined>();
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node)) targets.set(node, anchors.get(node.source));
      else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function readMap(walk: Walk, pairs: readonly Pair<Node, Node | null>[], path: Path): unknown {
  const result: Record<string, unknown> = {};
  for (const pair of pairs) {
    const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : null;
    if (key === null || key === '' || key === '<<' || key === '__proto__') {
      const span = spanOf(pair.key) ?? spanOf(pair.value) ?? [0, 0];
      const message = key === '<<' ? 'merge keys are not used here' : 'a key must be a plain word';
      fault(walk, 'E003', span, { message, note: key === '<<' ? 'write the keys out' : '' });
      continue;
    }
    if (Object.hasOwn(result, key)) fault(walk, 'E002', spanOf(pair.key) ?? [0, 0], twice(key));
    const at = [...path, key];
    walk.places.set(placeKey(at), { key: spanOf(pair.key), value: spanOf(pair.value) });
    result[key] = read(walk, pair.value, at);
  }
  return result;
}

function readScalar(walk: Walk, node: Scalar, path: Path): unknown {
  const text = node.source ?? String(node.value);
  const { text: result, filled, faults } = interpolate(text, walk.environment);
  if (walk.faults.length > MAX_FAULTS) return undefined;
  let from = node.range?.[0] ?? 0;
  for (const { expression, ...rest } of faults) {
    const start = walk.source.indexOf(expression, from);
    const inside = start >= 0 && start < (node.range?.[1] ?? 0);
    const span: Span = inside ? [start, start + expression.length] : (spanOf(node) ?? [0, 0]);
    from = inside ? span[1] : from;
    walk.faults.push({ ...rest, span });
  }
  if (faults.length > 0) return undefined;
  // What an application gets from its environment is what is written, not what YAML makes of it: 1.10 stays 1.10.
  const isVariable = path.length === 4 && path[2] === 'env';
  if (isVariable) return node.value === null ? null : result;
  if (filled) return plainValue(result);
  return typeof node.value === 'string' ? result : node.value;
}

/** What a filled-in text would be had it stood in the file. */
function plainValue(text: string): unknown {
  if (/^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

function twice(key: string): Omit<TextFault, 'code' | 'span'> {
  return { message: `${shown(key)} is written twice`, note: 'the second time', fix: 'remove one of them' };
}

type FaultWords = { readonly message: string; readonly note: string; readonly fix?: string | null };

function fault(walk: Walk, code: FileCode, span: Span, words: FaultWords): void {
  if (walk.faults.length <= MAX_FAULTS) walk.faults.push({ code, span, fix: null, ...words });
}

function spanOf(node: unknown): Span | null {
  const range = (node as Node | null)?.range;
  return range === undefined || range === null ? null : [range[0], range[1]];
}
