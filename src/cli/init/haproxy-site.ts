import type { ConfigText } from './look.ts';

/** What a `frontend` (or `listen`) of HAProxy sends to one of its backends. */
export type HaproxySite = {
  readonly file: string;
  /** Line of the section, from 1. */
  readonly line: number;
  readonly frontend: string;
  /** As written: `*:80`, `:443 ssl crt …` cut to its address. */
  readonly binds: readonly string[];
  readonly backend: string;
  readonly servers: readonly HaproxyServer[];
};

export type HaproxyServer = { readonly name: string; readonly address: string; readonly line: number };

type Section = {
  readonly kind: string;
  readonly name: string;
  readonly line: number;
  readonly lines: readonly { readonly words: readonly string[]; readonly line: number }[];
};

const KINDS = new Set([
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'peers',
  'resolvers',
  'userlist',
  'mailers',
  'program',
  'cache',
  'ring',
  'http-errors',
  'fcgi-app',
  'log-forward',
  'crt-store',
  'traces',
]);

export function haproxySites(files: readonly ConfigText[]): readonly HaproxySite[] {
  return files.flatMap(({ path, text }) => {
    const sections = sectionsOf(text);
    return sections.flatMap((section) => sitesOf(path, section, sections));
  });
}

function sitesOf(file: string, section: Section, sections: readonly Section[]): readonly HaproxySite[] {
  if (section.kind !== 'frontend' && section.kind !== 'listen') return [];
  const binds = argumentsOf(section, 'bind');
  const named = [...argumentsOf(section, 'default_backend'), ...argumentsOf(section, 'use_backend')];
  const backends = section.kind === 'listen' ? [section.name, ...named] : named;
  return [...new Set(backends)].flatMap((backend) => {
    const target =
      backend === section.name && section.kind === 'listen'
        ? section
        : sections.find(({ kind, name }) => (kind === 'backend' || kind === 'listen') && name === backend);
    const servers = target === undefined ? [] : serversOf(target);
    if (servers.length === 0) return [];
    return [{ file, line: section.line, frontend: section.name, binds, backend, servers }];
  });
}

function serversOf(section: Section): readonly HaproxyServer[] {
  return section.lines
    .filter(({ words }) => words[0] === 'server' && words[2] !== undefined && !words.includes('backup'))
    .map(({ words, line }) => ({ name: words[1]!, address: words[2]!, line }));
}

function argumentsOf({ lines }: Section, keyword: string): readonly string[] {
  return lines.filter(({ words }) => words[0] === keyword).flatMap(({ words }) => words.slice(1, 2));
}

function sectionsOf(text: string): readonly Section[] {
  const sections: { kind: string; name: string; line: number; lines: { words: string[]; line: number }[] }[] =
    [];
  for (const [index, written] of text.split('\n').entries()) {
    const words = written
      .replace(/(?<!\\)#.*$/u, '')
      .trim()
      .split(/\s+/u);
    const [kind = '', name = ''] = words;
    if (kind === '') continue;
    if (KINDS.has(kind)) sections.push({ kind, name, line: index + 1, lines: [] });
    else sections.at(-1)?.lines.push({ words, line: index + 1 });
  }
  return sections;
}
