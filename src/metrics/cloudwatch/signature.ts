import { createHash, createHmac } from 'node:crypto';

/**
 * AWS Signature Version 4 of a POST to `/` (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 * Golden values: the cases of AWS's own test suite for it.
 */
export type Signed = {
  readonly host: string;
  readonly region: string;
  readonly service: string;
  readonly body: string;
  /** Lowercase names; all of them are signed, `host` and `x-amz-date` besides. */
  readonly headers: Readonly<Record<string, string>>;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly nowMs: number;
};

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** The headers to send: those given, the date, and `authorization`. */
export function signedHeaders(request: Signed): Record<string, string> {
  const date = amzDate(request.nowMs);
  const headers: Record<string, string> = { ...request.headers, 'x-amz-date': date };
  const all = Object.entries({ ...headers, host: request.host }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const names = all.map(([name]) => name).join(';');
  const lines = all.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/gu, ' ')}\n`).join('');
  const canonical = ['POST', '/', '', lines, names, sha256(request.body)].join('\n');
  const scope = `${date.slice(0, 8)}/${request.region}/${request.service}/aws4_request`;
  const toSign = [ALGORITHM, date, scope, sha256(canonical)].join('\n');
  const signature = hmac(keyOf(request, date.slice(0, 8)), toSign).toString('hex');
  const credential = `${request.accessKeyId}/${scope}`;
  return {
    ...headers,
    authorization: `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function keyOf({ secretAccessKey, region, service }: Signed, day: string): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, day), region), service), 'aws4_request');
}

/** `20150830T123600Z` */
function amzDate(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d{3}/gu, '');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
