import type { Application } from './application.ts';
import { findLine, shown, sourcesOf, type Look, type Place } from './look.ts';

const PYTHON = /\.py$/u;
const LISTS = [
  'requirements.txt',
  'requirements/base.txt',
  'pyproject.toml',
  'Pipfile',
  'setup.py',
  'setup.cfg',
];

type Found = { readonly place: Place; readonly name: string; readonly isFactory: boolean };
/** A line that runs the program given with its arguments. */
type Start = { readonly program: string; readonly run: string };

export function pythonApplications(look: Look): readonly Application[] {
  const all = [django(look), asgi(look), flask(look)];
  return all.filter((one) => one !== null);
}

function django(look: Look): Application | null {
  if (!look.paths.includes('manage.py')) return null;
  const found = findLine(look, ['manage.py'], /DJANGO_SETTINGS_MODULE['"],\s*['"]([\w.]+)['"]/u);
  const settings = found?.match[1];
  const project = settings?.replace(/\.settings(?:\.\w+)*$/u, '') ?? 'project';
  const server = { program: 'gunicorn', run: `gunicorn -b 127.0.0.1:$PORT --keep-alive 75 ${project}.wsgi` };
  const development = { program: 'python3', run: 'python3 manage.py runserver --noreload 127.0.0.1:$PORT' };
  const notes = [
    'ALLOWED_HOSTS of the settings must have 127.0.0.1, where the health check asks, and the host of your clients',
  ];
  const seenIn = found === null ? 'manage.py' : shown(found.place);
  return started(look, { what: 'Django', seenIn, notes, starts: [server, development] });
}

function asgi(look: Look): Application | null {
  const found = application(look, /^(\w+)(?:: *\w+)? *= *(FastAPI|Starlette|Litestar|Quart)\(/u);
  if (found === null) return null;
  const { place, name } = found;
  const what = found.made;
  const target = `${moduleOf(place.path)}:${name}`;
  const server = {
    program: 'uvicorn',
    run: `uvicorn --host 127.0.0.1 --port $PORT --timeout-keep-alive 75 ${target}`,
  };
  return started(look, {
    what,
    seenIn: shown(place),
    notes: mainNotes(look, place, 'uvicorn'),
    starts: [server],
  });
}

function flask(look: Look): Application | null {
  const found = flaskApplication(look);
  if (found === null) return null;
  const { place, name, isFactory } = found;
  const module = moduleOf(place.path);
  const target = isFactory ? `'${module}:${name}()'` : `${module}:${name}`;
  const isDefault = ['app', 'wsgi'].includes(module) && ['app', 'application', 'create_app'].includes(name);
  const option = isDefault ? '' : `--app ${module}${isFactory || name === 'app' ? '' : `:${name}`} `;
  const server = { program: 'gunicorn', run: `gunicorn -b 127.0.0.1:$PORT --keep-alive 75 ${target}` };
  const development = { program: 'flask', run: `flask ${option}run --port $PORT` };
  const runner = isListedOrThere(look, 'gunicorn') ? 'gunicorn' : 'flask run';
  const notes = mainNotes(look, place, runner);
  return started(look, { what: 'Flask', seenIn: shown(place), notes, starts: [server, development] });
}

function flaskApplication(look: Look): Found | null {
  const found = application(look, /^(\w+)(?:: *\w+)? *= *(Flask)\(/u);
  if (found !== null) return { place: found.place, name: found.name, isFactory: false };
  const sources = sourcesOf(look, PYTHON).filter((path) => /\bFlask\(/u.test(look.read(path) ?? ''));
  const factory = findLine(look, sources, /^def (create_app|make_app)\(/u);
  return factory === null ? null : { place: factory.place, name: factory.match[1]!, isFactory: true };
}

function application(look: Look, form: RegExp) {
  const found = findLine(look, sourcesOf(look, PYTHON), form);
  return found === null ? null : { place: found.place, name: found.match[1]!, made: found.match[2]! };
}

function moduleOf(path: string): string {
  return path
    .replace(/\.py$/u, '')
    .replace(/\/__init__$/u, '')
    .replace(/^src\//u, '')
    .replaceAll('/', '.');
}

function isListed(look: Look, program: string): boolean {
  const form = new RegExp(`(?:^|["'\\s])${program}\\b`, 'mu');
  return LISTS.some((path) => form.test(look.read(path) ?? ''));
}

function isListedOrThere(look: Look, program: string): boolean {
  return isListed(look, program) || look.has(program);
}

type Seen = {
  readonly what: string;
  readonly seenIn: string;
  readonly notes: readonly string[];
  /** The best first; the last one is taken where none is there. */
  readonly starts: readonly Start[];
};

/**
 * The first way to start it whose program is listed or installed. What is listed and not installed goes into an
 * environment of the release's own: that is what `build:` is for.
 */
function started(look: Look, { what, seenIn, notes, starts }: Seen): Application {
  const start = starts.find(({ program }) => isListedOrThere(look, program)) ?? starts.at(-1)!;
  const more = [...notes];
  if (start.run.startsWith('flask ') || start.run.includes('runserver'))
    more.push('this is the server for development; with gunicorn in requirements.txt, init proposes that');
  if (look.has(start.program)) return { what, seenIn, run: start.run, build: null, notes: more };
  const install = installOf(look);
  if (install === null) {
    more.push(`${start.program} is neither installed here nor listed: install it where the server runs`);
    return { what, seenIn, run: start.run, build: null, notes: more };
  }
  return { what, seenIn, run: `.venv/bin/${start.run}`, build: install, notes: more };
}

function installOf(look: Look): string | null {
  if (look.paths.includes('uv.lock')) return 'uv sync --frozen';
  const make = 'python3 -m venv .venv && .venv/bin/pip install';
  if (look.paths.includes('requirements.txt')) return `${make} -r requirements.txt`;
  return look.paths.includes('pyproject.toml') ? `${make} .` : null;
}

/** Tutorials end with a fixed port under `__main__`: said before anybody wonders where it went. */
function mainNotes(look: Look, { path }: Place, runner: string): readonly string[] {
  const lines = (look.read(path) ?? '').split('\n');
  const main = lines.findIndex((line) => /^if __name__ *== *['"]__main__['"]/u.test(line));
  if (main < 0) return [];
  const at = lines.findIndex((line, index) => index > main && /\bport *= *\d+/u.test(line));
  const port = at < 0 ? null : /\bport *= *(\d+)/u.exec(lines[at]!)![1];
  if (port === null) return [];
  return [
    `${path}:${at + 1} fixes port ${port} under __main__; that part is not run: ${runner} imports the file and listens on $PORT, so the file stays as it is`,
  ];
}
