import { type Cursor, More, Wrong, chunks, fields, line, take, valuesOf } from './strict-request.ts';

export type ReadResponse = {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
};

export type Answers = {
  /** Final ones that came whole, in order; interim ones apart. */
  readonly answers: readonly ReadResponse[];
  /** As of a `Reading`. */
  readonly left: string | null;
};

const STATUS_LINE = /^HTTP\/1\.1 ([1-9]\d\d) [\t\u0020-\u007e\u0080-\u00ff]*$/;

/**
 * Reads what a client got for requests with these methods, by the grammar alone. `closed`: the connection was ended, which
 * ends a body that has neither length nor chunks.
 */
export function readAnswers(text: string, methods: readonly string[], closed: boolean): Answers {
  const answers: ReadResponse[] = [];
  const cursor = { text, at: 0 };
  try {
    while (cursor.at < text.length) {
      const answer = readAnswer(cursor, methods[answers.length], closed);
      if (answer !== null) answers.push(answer);
    }
    return { answers, left: null };
  } catch (error) {
    if (error instanceof More) return { answers, left: 'more' };
    if (error instanceof Wrong) return { answers, left: error.message };
    throw error;
  }
}

function readAnswer(cursor: Cursor, method: string | undefined, closed: boolean): ReadResponse | null {
  const first = line(cursor, 'a status line');
  const found = STATUS_LINE.exec(first);
  if (found === null) throw new Wrong(`status line ${JSON.stringify(first.slice(0, 60))}`);
  const status = Number(found[1]);
  const headers = fields(cursor, true);
  if (status < 200) return null;
  if (method === undefined) throw new Wrong(`an answer ${status} to no request`);
  return { status, headers, body: bodyOf(cursor, { status, method, headers, closed }) };
}

type Framed = Omit<ReadResponse, 'body'> & { readonly method: string; readonly closed: boolean };

function bodyOf(cursor: Cursor, { status, method, headers, closed }: Framed): string {
  const lengths = valuesOf(headers, 'content-length');
  const codings = valuesOf(headers, 'transfer-encoding');
  if (lengths.length + codings.length > 1) throw new Wrong('framed twice');
  if (lengths.some((each) => !/^\d{1,15}$/.test(each))) throw new Wrong(`Content-Length ${lengths[0]}`);
  if (codings.some((each) => each !== 'chunked')) throw new Wrong(`Transfer-Encoding ${codings[0]}`);
  if (status === 204 && lengths.length + codings.length > 0) throw new Wrong('a framed 204');
  if (method === 'HEAD' || status === 204 || status === 304) return '';
  if (codings.length > 0) return chunks(cursor);
  if (lengths.length > 0) return take(cursor, Number(lengths[0]));
  if (!closed) throw new More();
  return take(cursor, cursor.text.length - cursor.at);
}
