/**
 * A value as one word of a directive: whatever it holds, it cannot end the word or the line. Within single quotes HAProxy
 * takes everything as it is, variables of its environment included.
 */
export function quote(value: string): string {
  refuseControls(value);
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}

/** The same within a log-format string, where `%` would begin a field. */
export function quoteFormat(value: string): string {
  return quote(value.replaceAll('%', '%%'));
}

/** A word of a command of the Runtime API, which knows no quotes. */
export function cliWord(value: string): string {
  refuseControls(value);
  return value.replaceAll(/[\\ ;]/g, (character) => `\\${character}`);
}

/** The value in a POSIX or Perl regular expression, for itself. */
export function escapeRegex(value: string): string {
  return value.replaceAll(/[$()*+.?[\\\]^{|}]/g, (character) => `\\${character}`);
}

function refuseControls(value: string): void {
  // eslint-disable-next-line no-control-regex -- finding them is the point
  if (/[\u0000-\u001f\u007f]/.test(value))
    throw new RangeError(`a control character cannot stand in HAProxy's files: ${JSON.stringify(value)}`);
}
