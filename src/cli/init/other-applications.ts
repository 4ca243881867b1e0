import type { Application } from './application.ts';
import { findLine, shown, sourcesOf, type Look } from './look.ts';

export function procfileApplications(look: Look): readonly Application[] {
  const found = findLine(look, ['Procfile'], /^web:\s*(\S.*?)\s*$/u);
  if (found === null) return [];
  const run = found.match[1]!.replaceAll(/\$\{PORT(?::?-\d*)?\}/gu, '$PORT');
  const others = [...(look.read('Procfile') ?? '').matchAll(/^(\w+):/gmu)].flatMap(([, name]) =>
    name === 'web' ? [] : [name!],
  );
  const notes = [];
  if (!run.includes('$PORT') && !/\bgunicorn\b/u.test(run))
    notes.push('the command does not name $PORT: the application must read PORT from its environment');
  if (others.includes('release'))
    notes.push(
      'the release process of the Procfile is not run; put what it does into build:, if it may run there',
    );
  const rest = others.filter((name) => name !== 'release');
  if (rest.length > 0)
    notes.push(`Bascule does not start ${rest.join(', ')} of the Procfile: only web serves requests`);
  return [{ what: 'the web process of the Procfile', seenIn: shown(found.place), run, build: null, notes }];
}

export function rubyApplications(look: Look): readonly Application[] {
  const gems = look.read('Gemfile') ?? '';
  if (!look.paths.includes('config.ru')) return [];
  const has = (name: string): boolean => new RegExp(`^\\s*gem\\s+['"]${name}['"]`, 'mu').test(gems);
  const bundled = gems === '' ? '' : 'bundle exec ';
  const rails = has('rails');
  const environment = rails ? 'RAILS_ENV=production ' : '';
  const server = has('puma') ? 'puma -b tcp://127.0.0.1:$PORT' : 'rackup -o 127.0.0.1 -p $PORT';
  const build = gems === '' ? null : 'bundle install';
  const notes = rails
    ? ['assets:precompile and SECRET_KEY_BASE are yours to add, under build: and env:']
    : [];
  return [
    {
      what: rails ? 'Rails' : 'Rack',
      seenIn: 'config.ru',
      run: `${environment}${bundled}${server}`,
      build,
      notes,
    },
  ];
}

export function goApplications(look: Look): readonly Application[] {
  if (!look.paths.includes('go.mod')) return [];
  const sources = sourcesOf(look, /\.go$/u);
  const main = findLine(look, sources, /^package main\b/u);
  if (main === null) return [];
  const folder = main.place.path.includes('/') ? `./${main.place.path.replace(/\/[^/]+$/u, '')}` : '.';
  const readsPort = findLine(look, sources, /env\w*\(\s*"PORT"/iu) !== null;
  const fixed = findLine(look, sources, /"[\w.]*:(\d{2,5})"/u);
  const notes =
    readsPort || fixed === null
      ? []
      : [
          `${shown(fixed.place)} listens on ${fixed.match[1]}, whatever $PORT says, so it will not become ready: make that ":" + os.Getenv("PORT")`,
        ];
  return [
    { what: 'Go', seenIn: shown(main.place), run: 'bin/app', build: `go build -o bin/app ${folder}`, notes },
  ];
}

/** Bascule starts no containers yet; the command in it often runs without one. */
export function dockerApplications(look: Look): readonly Application[] {
  const found = findLine(look, ['Dockerfile'], /^\s*(?:CMD|ENTRYPOINT)\s+(\S.*?)\s*$/u);
  if (found === null) return [];
  const run = commandOf(found.match[1]!);
  const notes = ['Bascule starts no containers yet: this is the command of the Dockerfile, run as a process'];
  if (!run.includes('$PORT'))
    notes.push('the command does not name $PORT: the application must read PORT from its environment');
  return [{ what: 'the command of the Dockerfile', seenIn: shown(found.place), run, build: null, notes }];
}

/** `["node", "server.js"]`, which Docker starts without a shell, or a line for the shell. */
function commandOf(text: string): string {
  try {
    const words: unknown = JSON.parse(text);
    if (Array.isArray(words)) return words.map((word) => quoted(String(word))).join(' ');
  } catch {
    // A line for the shell.
  }
  return text.replaceAll(/\$\{PORT(?::?-\d*)?\}/gu, '$PORT');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

export function staticApplications(look: Look): readonly Application[] {
  const page = ['index.html', 'public/index.html'].find((path) => look.paths.includes(path));
  if (page === undefined) return [];
  const folder = page === 'index.html' ? '' : ' --directory public';
  const notes = ['python3 -m http.server is enough for a try; take a web server for many visitors'];
  const run = `python3 -m http.server --bind 127.0.0.1${folder} $PORT`;
  return [{ what: 'static pages', seenIn: page, run, build: null, notes }];
}
