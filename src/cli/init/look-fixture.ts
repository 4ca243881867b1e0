import type { Look } from './look.ts';

type Scene = Partial<Omit<Look, 'paths' | 'read' | 'has'>> & {
  readonly programs?: readonly string[];
};

/** A directory that exists in a test only. */
export function lookAt(files: Readonly<Record<string, string>>, scene: Scene = {}): Look {
  const { programs = [], ...rest } = scene;
  return {
    name: 'shop',
    nginx: [],
    haproxy: [],
    listening: [],
    takenPorts: [],
    paths: Object.keys(files).toSorted((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1)),
    read: (path) => files[path] ?? null,
    has: (program) => programs.includes(program),
    ...rest,
  };
}

function depth(path: string): number {
  return path.split('/').length;
}

const FLASK = `from flask import Flask

app = Flask(__name__)


@app.route('/')
def hello():
    return 'Hello, World!'


if __name__ == '__main__':
    app.run(host='0.0.0.0', port=8080)
`;

const EXPRESS = `const app = require('express')();
app.get('/health', (req, res) => res.send('ok'));
app.listen(process.env.PORT || 3000);
`;

function manifest(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

const SITE = `upstream app { server 127.0.0.1:8000; }
server {
    listen 80;
    listen [::]:80;
    server_name shop.example.com;

    location /static/ { root /srv/shop; }
    location / {
        proxy_set_header Host $host;
        proxy_pass http://app;
    }
}
`;

const OTHER_SITE =
  'server { listen 80; server_name wiki.example.com; location / { proxy_pass http://10.0.0.7:9000/; } }\n';

const HAPROXY = `global
    daemon
frontend web
    bind *:80
    bind :443 ssl crt /etc/ssl/site.pem
    default_backend app
backend app
    balance roundrobin
    server one 127.0.0.1:8000 check
    server two 127.0.0.1:8001 check
    server spare 127.0.0.1:8002 backup
`;

const address = (port: number) => ({ host: '127.0.0.1', port });

/** Applications as people have them; each has a golden file of its name. */
export const PROJECTS: Readonly<Record<string, Look>> = {
  'flask-tutorial': lookAt({ 'app.py': FLASK }, { programs: ['flask', 'python3'] }),
  'flask-gunicorn-installed': lookAt(
    { 'app.py': FLASK },
    { programs: ['flask', 'gunicorn'], takenPorts: [8080, 8081] },
  ),
  'flask-requirements': lookAt({ 'app.py': FLASK, 'requirements.txt': 'flask==3.1.0\ngunicorn==23.0.0\n' }),
  'flask-factory': lookAt({
    'shopfront/__init__.py':
      'from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n    return app\n',
    'shopfront/health.py': "@bp.get('/healthz')\ndef healthz():\n    return 'ok'\n",
    'pyproject.toml': '[project]\nname = "shopfront"\ndependencies = ["flask", "gunicorn"]\n',
    'uv.lock': '',
    'tests/test_app.py': "client.get('/health')\n",
  }),
  django: lookAt(
    {
      'manage.py': "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n",
      'mysite/settings.py': "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}\n",
      'mysite/urls.py': "urlpatterns = [path('health/', health)]\n",
      'requirements.txt': 'Django>=5\n',
    },
    { programs: ['python3', 'gunicorn'] },
  ),
  fastapi: lookAt({
    'main.py':
      "from fastapi import FastAPI\nimport stripe\n\napp = FastAPI()\n\n\n@app.get('/livez')\ndef live():\n    return {}\n",
    'requirements.txt': 'fastapi\nuvicorn[standard]\nstripe\n',
  }),
  procfile: lookAt({
    Procfile:
      'release: python manage.py migrate\nweb: gunicorn app:app --bind 0.0.0.0:${PORT:-8000} --env A=${B}\nworker: celery -A app worker\n',
    'app.py': FLASK,
    'requirements.txt': 'flask\ngunicorn\n',
  }),
  express: lookAt({
    'package.json': manifest({ scripts: { start: 'node server.js' }, dependencies: { express: '^5' } }),
    'package-lock.json': '{}',
    'server.js': EXPRESS,
  }),
  'express-fixed-port-and-sessions': lookAt({
    'package.json': manifest({
      scripts: { start: 'NODE_ENV=production node app.js' },
      dependencies: { express: '^5' },
    }),
    'app.js':
      "const session = require('express-session');\nconst app = require('express')();\napp.use(session({ secret: 'x' }));\napp.listen(3000);\n",
  }),
  next: lookAt({
    'package.json': manifest({
      scripts: { build: 'next build', start: 'next start' },
      dependencies: { next: '^16' },
    }),
    'package-lock.json': '{}',
    'app/api/health/route.ts': "export const path = '/api/health';\n",
  }),
  'node-alone': lookAt({
    'server.mjs': "createServer(listen).listen(Number(process.env.PORT));\nconst up = '/up';\n",
  }),
  rails: lookAt({
    Gemfile: "source 'https://rubygems.org'\ngem 'rails', '~> 8'\ngem 'puma'\n",
    'config.ru': "require_relative 'config/environment'\n",
    'config/routes.rb': "get '/up' => 'rails/health#show'\n",
  }),
  rack: lookAt({ 'config.ru': "run ->(env) { [200, {}, ['ok']] }\n" }),
  go: lookAt({
    'go.mod': 'module example.com/shop\n',
    'cmd/shop/main.go':
      'package main\n\nfunc main() {\n\thttp.HandleFunc("/healthz", ok)\n\thttp.ListenAndServe(":8080", nil)\n}\n',
  }),
  docker: lookAt({ Dockerfile: 'FROM debian\nEXPOSE 80\nCMD ["./shop", "--title", "It\'s \\"on\\""]\n' }),
  static: lookAt({
    'index.html': '<h1>hello</h1>\n',
    Dockerfile: 'FROM nginx\nCOPY . /usr/share/nginx/html\n',
  }),
  'behind-nginx': lookAt(
    { 'app.py': FLASK },
    {
      programs: ['gunicorn'],
      nginx: [
        { path: '/etc/nginx/sites-enabled/shop', text: SITE },
        { path: '/etc/nginx/conf.d/wiki.conf', text: OTHER_SITE },
      ],
      listening: [{ address: address(8000), pid: 812, command: 'gunicorn app:app', connections: 41 }],
      takenPorts: [80, 8000, 8080],
    },
  ),
  'nginx-not-clear': lookAt(
    { 'app.py': FLASK },
    {
      programs: ['gunicorn'],
      name: 'my project!',
      nginx: [
        { path: '/etc/nginx/sites-enabled/shop', text: SITE },
        { path: '/etc/nginx/conf.d/wiki.conf', text: OTHER_SITE },
      ],
    },
  ),
  'behind-haproxy': lookAt(
    { 'server.mjs': 'listen(process.env.PORT)\n' },
    { haproxy: [{ path: '/etc/haproxy/haproxy.cfg', text: HAPROXY }] },
  ),
  'listens-already': lookAt(
    { 'server.mjs': 'listen(process.env.PORT)\n' },
    {
      listening: [
        {
          address: { host: '::', port: 8080 },
          pid: 77,
          command: 'node server.mjs\n\u001b[31m',
          connections: 2,
        },
      ],
      takenPorts: [8080],
    },
  ),
};
