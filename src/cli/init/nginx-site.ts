import type { ConfigText } from './look.ts';
import { parseNginx, type Directive } from './nginx-tree.ts';

/** A place of an nginx configuration that passes requests on: one `proxy_pass` of one `server`. */
export type NginxSite = {
  readonly file: string;
  /** Line of the `server` block, from 1. */
  readonly line: number;
  /** As written: `80`, `[::]:443 ssl`. Empty where nginx takes its default. */
  readonly listen: readonly string[];
  /** As written, `_` and regular expressions included. */
  readonly serverNames: readonly string[];
  /** As written: `/`, `~ \.php$`, `= /status`. */
  readonly location: string;
  readonly proxyPass: {
    readonly line: number;
    /** As written: `http://127.0.0.1:8000`, `http://app/`, `http://$backend`. */
    readonly target: string;
    /** Addresses behind it, of the `upstream` of that name; the address itself where there is none; empty where it is a variable. */
    readonly addresses: readonly UpstreamAddress[];
    /** Path that stands behind the address, or null: nginx replaces the location's own by it. */
    readonly path: string | null;
  };
  /** Whether the Host of the client reaches the application: nginx sends the name of the target by default. */
  readonly passesHost: boolean;
};

export type UpstreamAddress = { readonly file: string; readonly line: number; readonly address: string };

const TARGET = /^(https?):\/\/([^/$]+)(\/.*)?$/u;

/** Every `proxy_pass` in these files; upstreams are looked up in all of them. */
export function nginxSites(files: readonly ConfigText[]): readonly NginxSite[] {
  const trees = files.map(({ path, text }) => ({ file: path, directives: parseNginx(text) }));
  const upstreams = new Map(trees.flatMap(({ file, directives }) => upstreamsIn(file, directives)));
  return trees.flatMap(({ file, directives }) =>
    within(directives, 'server').flatMap((server) => sitesOf(file, server, upstreams)),
  );
}

function sitesOf(
  file: string,
  server: Directive,
  upstreams: ReadonlyMap<string, readonly UpstreamAddress[]>,
): readonly NginxSite[] {
  const block = server.block ?? [];
  return locationsIn(block).flatMap((location) => {
    const pass = location.block?.find(({ name, args }) => name === 'proxy_pass' && args.length === 1);
    if (pass === undefined) return [];
    const target = pass.args[0]!;
    const [, scheme, authority, path = null] = TARGET.exec(target) ?? [];
    const written =
      authority === undefined ? [] : [{ file, line: pass.line, address: withPort(authority, scheme!) }];
    const addresses = (authority === undefined ? undefined : upstreams.get(authority)) ?? written;
    const site: NginxSite = {
      file,
      line: server.line,
      listen: block.filter(({ name }) => name === 'listen').map(({ args }) => args.join(' ')),
      serverNames: block.filter(({ name }) => name === 'server_name').flatMap(({ args }) => args),
      location: location.args.join(' '),
      proxyPass: { line: pass.line, target, addresses, path },
      passesHost: passesHost(location.block ?? []) ?? passesHost(block) ?? false,
    };
    return [site];
  });
}

/** Locations, those in locations included. */
function locationsIn(block: readonly Directive[]): readonly Directive[] {
  return block
    .filter(({ name }) => name === 'location')
    .flatMap((location) => [location, ...locationsIn(location.block ?? [])]);
}

/** Blocks of this name, at the top or in `http { }`. */
function within(directives: readonly Directive[], name: string): readonly Directive[] {
  return directives.flatMap((one) => {
    if (one.block === null) return [];
    if (one.name === name) return [one];
    return one.name === 'http' ? within(one.block, name) : [];
  });
}

function upstreamsIn(file: string, directives: readonly Directive[]) {
  return within(directives, 'upstream').map((upstream): [string, readonly UpstreamAddress[]] => [
    upstream.args[0] ?? '',
    (upstream.block ?? [])
      .filter(({ name, args }) => name === 'server' && args[0] !== undefined && !args.includes('down'))
      .map(({ args, line }) => ({ file, line, address: withPort(args[0]!, 'http') })),
  ]);
}

/** Null where the block says nothing: directives of this kind are inherited only where there are none (ngx_http_proxy_module). */
function passesHost(block: readonly Directive[]): boolean | null {
  const headers = block.filter(({ name }) => name === 'proxy_set_header');
  if (headers.length === 0) return null;
  const host = headers.find(({ args }) => args[0]?.toLowerCase() === 'host');
  return /^\$(?:http_)?host(?::\$server_port)?$/u.test(host?.args[1] ?? '');
}

/** `app.internal` -> `app.internal:80`; addresses of unix sockets stay as they are. */
function withPort(authority: string, scheme: string): string {
  if (authority.startsWith('unix:') || /:\d+$/u.test(authority)) return authority;
  return `${authority}:${scheme === 'https' ? 443 : 80}`;
}
