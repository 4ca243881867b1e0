import type { Input } from './inputs.ts';

/** Tries at most; each runs the input once. */
const TRIES = 600;

/** Takes pieces out for as long as it still fails: halves first, then ever smaller ones. */
export function shorter(input: Input, fails: (input: Input) => boolean): Input {
  if (!fails(input)) return input;
  let text = textOf(input);
  let tries = 0;
  for (let size = Math.ceil(text.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < text.length && tries < TRIES; tries++) {
      const less = text.slice(0, at) + text.slice(at + size);
      if (fails(withText(input, less))) text = less;
      else at += size;
    }
  }
  return withText(input, text);
}

/** Bytes one by one, whatever they mean. */
function textOf(input: Input): string {
  return input.kind === 'file' ? input.bytes.toString('latin1') : input.text;
}

function withText(input: Input, text: string): Input {
  return input.kind === 'file'
    ? { kind: 'file', bytes: Buffer.from(text, 'latin1') }
    : { kind: 'body', text };
}
