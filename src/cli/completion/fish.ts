import type { CompletedOption, CompletedVerb, Values } from './table.ts';

/** A script for fish 3 or later. */
export function fishScript(verbs: readonly CompletedVerb[]): string {
  return `# fish completion for bascule. Load it with: bascule completion fish | source

# Whether this verb is the one, with so many arguments before the word at the cursor. The rest: options that take a value.
function __bascule_at
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = $argv[1]; or return 1
    set -l seen 0
    set -l skip 0
    for word in $words[3..-1]
        if test $skip -eq 1
            set skip 0
        else if contains -- $word $argv[3..-1]
            set skip 1
        else if not string match -q -- '-*' $word
            set seen (math $seen + 1)
        end
    end
    test $skip -eq 0; and test $seen -eq $argv[2]
end

function __bascule_verb
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = $argv[1]
end

# What the server knows; nothing, where none answers at once.
function __bascule_names
    set -l words (commandline -opc)
    set -l where
    for flag in --state-dir --socket
        if set -l at (contains -i -- $flag $words)
            set -a where $flag $words[(math $at + 1)]
        end
    end
    timeout 3 $words[1] completion --list $argv[1] $where 2>/dev/null
end

complete -c bascule -e
complete -c bascule -f
${verbs
  .map(
    ({ name, describe }) =>
      `complete -c bascule -n 'test (count (commandline -opc)) -eq 1' -a ${name} -d ${quoted(describe)}`,
  )
  .join('\n')}
${verbs.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ name, options, args }: CompletedVerb): readonly string[] {
  const valued = options
    .filter(({ values }) => values !== null)
    .flatMap(({ long, short }) => (short === null ? [long] : [short, long]));
  return [
    ...options.map((option) => optionLine(name, option)),
    ...args.map((values, index) => {
      const at = quoted(`__bascule_at ${name} ${index} ${valued.join(' ')}`);
      return `complete -c bascule -n ${at} ${offer(values)}`;
    }),
  ];
}

function optionLine(verb: string, { long, short, describe, values }: CompletedOption): string {
  const names = `-l ${long.slice(2)}${short === null ? '' : ` -s ${short.slice(1)}`}`;
  const value = values === null ? '' : ` -${values.kind === 'files' ? 'r' : 'x'} ${offer(values)}`;
  return `complete -c bascule -n '__bascule_verb ${verb}' ${names}${value} -d ${quoted(describe)}`;
}

function offer(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `-a ${quoted(values.words.join(' '))}`;
    case 'names':
      return `-a ${quoted(`(__bascule_names ${values.list})`)}`;
    case 'files':
      return '-F';
    case 'directories':
      return `-a '(__fish_complete_directories)'`;
    case 'free':
      return '-f';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`;
}
