/** Rows of CSV as RFC 4180 has it: fields in quotes may hold commas, line ends and doubled quotes. */
export function csvRows(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let value = '';
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at]!;
    if (quoted) {
      if (letter !== '"') value += letter;
      else if (text[at + 1] === '"') value += text[(at += 1)];
      else quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === ',') {
      row.push(value);
      value = '';
    } else if (letter === '\n') {
      rows.push([...row, value]);
      [row, value] = [[], ''];
    } else if (letter !== '\r') value += letter;
  }
  if (value !== '' || row.length > 0) rows.push([...row, value]);
  return rows;
}
