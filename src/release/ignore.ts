/** Whether a path (relative, `/` between names) is left out. */
export type Ignore = (path: string, isDirectory: boolean) => boolean;

type Rule = { readonly form: RegExp; readonly directoriesOnly: boolean; readonly keeps: boolean };

/**
 * The lines of a `.basculeignore`, which has the form of a `.gitignore` (gitignore(5)): the last line that matches
 * decides, `!` takes back, and what lies in a directory that is left out cannot be taken back.
 */
export function parseIgnore(text: string): Ignore {
  const rules = text.split('\n').flatMap(parseRule);
  const isMatched = (path: string, isDirectory: boolean): boolean => {
    const rule = rules.findLast((one) => (isDirectory || !one.directoriesOnly) && one.form.test(path));
    return rule !== undefined && !rule.keeps;
  };
  return (path, isDirectory) => {
    if (rules.length === 0) return false;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      if (isMatched(path.slice(0, slash), true)) return true;
    }
    return isMatched(path, isDirectory);
  };
}

function parseRule(line: string): Rule[] {
  let pattern = line.replace(/\r$/, '').replace(/(?<!\\) +$/, '');
  if (pattern === '' || pattern.startsWith('#')) return [];
  const keeps = pattern.startsWith('!');
  if (keeps) pattern = pattern.slice(1);
  const directoriesOnly = pattern.endsWith('/');
  if (directoriesOnly) pattern = pattern.slice(0, -1);
  if (pattern === '') return [];
  const anchored = pattern.includes('/');
  const body = translate(pattern.replace(/^\//, ''));
  const form = body === null ? null : compile(`^${anchored ? '' : '(?:.*/)?'}${body}$`);
  return form === null ? [] : [{ form, directoriesOnly, keeps }];
}

/** Null for what can match nothing, such as the range [b-a]. */
function compile(source: string): RegExp | null {
  try {
    return new RegExp(source, 's');
  } catch {
    return null;
  }
}

/** The pattern as the body of a regular expression, or null where git would match nothing either. */
function translate(pattern: string): string | null {
  const segments = pattern.split('/');
  const parts = segments.map((segment, index) => {
    const isLast = index === segments.length - 1;
    if (segment === '**') return isLast ? '.+' : '(?:.*/)?';
    const name = translateName(segment);
    return name === null || isLast ? name : `${name}/`;
  });
  return parts.includes(null) ? null : parts.join('');
}

const TOKEN = /\*+|\?|\[(!|\^)?(\]?(?:\\.|\[:[a-z]+:\]|[^\]\\])*)\]|\\(.)|[^*?[\\]/gsu;

function translateName(name: string): string | null {
  let body = '';
  let end = 0;
  for (const match of name.matchAll(TOKEN)) {
    if (match.index !== end) return null;
    const [token, negated, members, escaped] = match;
    end += token.length;
    body +=
      members === undefined ? translateToken(token, escaped) : memberClass(negated !== undefined, members);
  }
  return end === name.length ? body : null;
}

function translateToken(token: string, escaped: string | undefined): string {
  if (escaped !== undefined) return literal(escaped);
  if (token.startsWith('*')) return '[^/]*';
  return token === '?' ? '[^/]' : literal(token);
}

const NAMED: Readonly<Record<string, string>> = {
  '[:alpha:]': 'a-zA-Z',
  '[:digit:]': '0-9',
  '[:alnum:]': 'a-zA-Z0-9',
  '[:space:]': '\\s',
  '[:upper:]': 'A-Z',
  '[:lower:]': 'a-z',
};

/** Text as a regular expression that matches it alone. */
function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

/** `[!a-z]` and its like never match a slash. */
function memberClass(negated: boolean, members: string): string {
  const inside = members.replaceAll(
    /\[:[a-z]+:\]|\\.|[[\]^\\]/gs,
    (part) => NAMED[part] ?? `\\${part.at(-1)!}`,
  );
  // A range that runs backwards counts as its first member alone.
  const forward = inside.replaceAll(/([^\\])-([^\\])/g, (range, a: string, b: string) =>
    a <= b ? range : a,
  );
  return `(?!/)[${negated ? '^' : ''}${forward}]`;
}
