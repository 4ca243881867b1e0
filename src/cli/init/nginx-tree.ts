/** A directive of nginx: its words, the line on which it begins (from 1), and its block where it has one. */
export type Directive = {
  readonly name: string;
  readonly args: readonly string[];
  readonly line: number;
  readonly block: readonly Directive[] | null;
};

type Token = { readonly text: string; readonly line: number; readonly isSign: boolean };

/** One token: white space or a comment, a quoted word, a sign of the grammar, or a bare word (with `${name}` in it). */
const TOKEN =
  /\s+|#[^\n]*|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([{};])|((?:\$\{\w+\}|\\.|[^\s{};"'\\])+)|(.)/gsuy;
const MOST_DEPTH = 16;

/**
 * The directives of a configuration file, as nginx itself splits it (ngx_conf_read_token). What cannot be read ends the
 * reading: what stands before it is still given.
 */
export function parseNginx(text: string): readonly Directive[] {
  const tokens = tokensOf(text);
  let next = 0;
  const blockAt = (depth: number): readonly Directive[] => {
    const directives: Directive[] = [];
    let words: Token[] = [];
    while (next < tokens.length) {
      const token = tokens[next]!;
      next += 1;
      if (!token.isSign) {
        words.push(token);
        continue;
      }
      if (token.text === '}') return directives;
      const block = token.text === '{' && depth < MOST_DEPTH ? blockAt(depth + 1) : null;
      const [first, ...args] = words;
      words = [];
      if (first === undefined) continue;
      directives.push({ name: first.text, args: args.map((word) => word.text), line: first.line, block });
    }
    return directives;
  };
  return blockAt(0);
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, double, single, sign, bare] = match;
    const word = double ?? single ?? bare;
    if (sign !== undefined) tokens.push({ text: sign, line, isSign: true });
    else if (word !== undefined) tokens.push({ text: word, line, isSign: false });
    line += whole.split('\n').length - 1;
  }
  return tokens;
}
