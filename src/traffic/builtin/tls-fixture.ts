import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { join } from 'node:path';
import { type ConnectionOptions, type TLSSocket, connect } from 'node:tls';
import type { TlsFiles } from '../../release/service.ts';

/** A self-signed certificate in `folder`, for tests: `NAME.pem` and `NAME.key`. */
export function makeCertificate(folder: string, name: string, names: readonly string[], days = 30): TlsFiles {
  const files = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  const alternatives = names.map((each) => `${/^[\d.]+$/.test(each) ? 'IP' : 'DNS'}:${each}`).join(',');
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=test']
      .concat(['-days', String(days), '-addext', `subjectAltName=${alternatives}`])
      .concat(['-keyout', `${files.key}.new`, '-out', `${files.certificate}.new`]),
    { stdio: 'ignore' },
  );
  renameSync(`${files.certificate}.new`, files.certificate);
  renameSync(`${files.key}.new`, files.key);
  return files;
}

/** A finished handshake; certificates of tests are nobody's. */
export function shake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () =>
      resolve(socket),
    );
    socket.once('error', reject);
  });
}

export type SecureAnswer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

export function secureSend(
  port: number,
  options: RequestOptions & { body?: string } = {},
): Promise<SecureAnswer> {
  return new Promise((resolve, reject) => {
    const req = request(
      { host: '127.0.0.1', port, rejectUnauthorized: false, agent: false, ...options },
      (res) => {
        let body = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => (body += chunk));
        res.on('error', reject);
        res.on('end', () => resolve({ status: res.statusCode!, headers: res.headers, body }));
      },
    );
    req.on('error', reject);
    req.end(options.body);
  });
}
