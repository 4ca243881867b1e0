import { secretTrouble } from './credentials.ts';
import { askHttp, type HttpAnswer, type HttpAsk } from './http-client.ts';

export type Question = Pick<HttpAsk, 'method' | 'url' | 'body'> & {
  readonly headers: Readonly<Record<string, string>>;
};

/** Asks with what `question` makes of the secrets; one that cannot be read is a failure in its own words. */
export async function askWith(
  connection: Pick<HttpAsk, 'timeoutMs' | 'caFile'>,
  question: () => Promise<Question>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  let asked: Question;
  try {
    asked = await question();
  } catch (error) {
    return { kind: 'failed', why: secretTrouble(error) };
  }
  const { timeoutMs, caFile } = connection;
  return askHttp({ ...asked, timeoutMs, caFile }, signal);
}
