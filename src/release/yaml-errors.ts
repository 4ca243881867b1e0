import type { Words } from './diagnostic.ts';
import type { Span } from './yaml-tree.ts';

type Known = { readonly message: string; readonly note: string; readonly fix: string | null };

/** What the codes of the `yaml` library mean for somebody who has just mistyped a configuration. */
const KNOWN: Readonly<Record<string, Known>> = {
  TAB_AS_INDENT: { message: 'a tab where YAML wants spaces', note: 'a tab', fix: 'indent with spaces' },
  BAD_INDENT: {
    message: 'the indentation does not fit the lines before',
    note: 'here',
    fix: 'give all keys of a mapping the same indentation',
  },
  MISSING_CHAR: {
    message: 'something is not closed',
    note: 'here at the latest',
    fix: 'close the quote, bracket or brace',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second ": " in one line',
    note: 'reads as a mapping in a mapping',
    fix: 'put the whole value in quotes, or write it below `|`',
  },
  BLOCK_IN_FLOW: {
    message: 'a block inside brackets or braces',
    note: 'here',
    fix: 'write it in one line, or without the brackets',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'a line that is neither a key nor a value',
    note: 'no colon after it',
    fix: 'write key: value, with a space after the colon',
  },
  BAD_SCALAR_START: {
    message: 'a value cannot begin with this sign',
    note: 'a sign of YAML itself',
    fix: 'put the value in quotes',
  },
  MULTIPLE_DOCS: {
    message: 'several documents in one file',
    note: 'a second one begins',
    fix: 'one file, one document: take the --- line out',
  },
  MULTIPLE_ANCHORS: { message: 'two anchors at one place', note: 'here', fix: 'keep one of them' },
  BAD_ALIAS: {
    message: 'an alias that cannot be read',
    note: 'here',
    fix: 'put the value in quotes if the * is part of it',
  },
  BAD_DQ_ESCAPE: {
    message: 'an escape that double quotes do not know',
    note: 'here',
    fix: 'double the backslash, or use single quotes',
  },
  UNEXPECTED_TOKEN: {
    message: 'something that does not belong here',
    note: 'here',
    fix: 'check the indentation and the quotes of the lines before',
  },
  TAG_RESOLVE_FAILED: {
    message: 'tags are not used here',
    note: 'a tag',
    fix: 'take the tag out; secrets are written {secret: env:NAME}',
  },
};

const NOT_USED = new Set(['MULTIPLE_DOCS', 'TAG_RESOLVE_FAILED', 'BAD_DIRECTIVE']);

export function explainSyntax(code: string, message: string, text: string, span: Span): Words {
  if (message.includes('call stack')) {
    return { code: 'E005', message: 'the file is too large or too deep', note: 'nested too deep', fix: null };
  }
  if (nearVariable(text, span)) {
    return {
      code: 'E001',
      message: 'a ${…} inside brackets, or with ": " in it, needs quotes',
      note: 'YAML reads the brace itself',
      fix: 'put it in quotes: "${NAME}"',
    };
  }
  const known = message.startsWith('Flow ')
    ? KNOWN.MISSING_CHAR
    : Object.hasOwn(KNOWN, code)
      ? KNOWN[code]
      : undefined;
  const fallback = { message: message.charAt(0).toLowerCase() + message.slice(1), note: 'here', fix: null };
  return { code: NOT_USED.has(code) ? 'E003' : 'E001', ...(known ?? fallback) };
}

/** Characters around an error in which a variable is looked for: on a long line the expressions below take too long. */
const NEAR = 300;

/** Whether the error lies in a variable that YAML took apart. */
function nearVariable(text: string, span: Span): boolean {
  const start = text.lastIndexOf('\n', Math.max(0, span[0] - 1)) + 1;
  const end = text.indexOf('\n', span[0]);
  const before = text.slice(Math.max(start, span[1] - NEAR), span[1]);
  const after = text.slice(span[0], Math.min(end < 0 ? text.length : end, span[0] + NEAR));
  return /[[{,][^"']*\$\{?[^"'}]*$/.test(before) || /^\$\{[^"'}]*: /.test(after);
}
