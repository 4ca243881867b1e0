import { LETS_ENCRYPT } from './acme.ts';
import type { Path, Problem } from './problem.ts';
import type { ServiceInput } from './schema.ts';
import type { BuiltinProxy } from './service.ts';

type Written = Extract<
  Exclude<ServiceInput['proxy'], string | undefined>,
  { builtin: unknown }
>['builtin']['tls'];

/** Certificates from files, or from an authority. */
export function resolveTls(written: Written): Pick<BuiltinProxy, 'tls' | 'acme'> {
  if (written === undefined) return {};
  if (!('acme' in written)) return { tls: Array.isArray(written) ? written : [written] };
  const { email = null, directory = LETS_ENCRYPT, authority = null } = written.acme;
  return { acme: { email, directory, authority } };
}

/** An authority asks at port 80 of each name whether it is ours, which no wildcard is (RFC 8555, section 8.3). */
export function refuseAcme(
  { redirectFrom }: BuiltinProxy,
  host: string | undefined,
  { path, problems }: { readonly path: Path; readonly problems: Problem[] },
): void {
  const isOne = host !== undefined && !host.startsWith('*');
  if (!isOne) {
    problems.push({
      code: 'E058',
      path: [...path, 'acme'],
      at: 'key',
      message: 'acme needs a host that is one name',
      note:
        host === undefined
          ? 'whom is the certificate for?'
          : `${host} is no name that an authority could ask`,
      fix: 'add host: shop.example.com, or give certificates in files',
    });
  }
  if (redirectFrom === undefined) {
    problems.push({
      code: 'E058',
      path: [...path, 'acme'],
      at: 'key',
      message: 'acme needs redirect-http',
      note: 'the authority asks over plain HTTP, at port 80',
      fix: 'add redirect-http: 80 beside tls',
    });
  }
}
