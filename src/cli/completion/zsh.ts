import type { CompletedOption, CompletedVerb, Values } from './table.ts';

/** A script for zsh: to be sourced after compinit, or kept as `_bascule` in a directory of $fpath. */
export function zshScript(verbs: readonly CompletedVerb[]): string {
  return `#compdef bascule
# zsh completion for bascule. Load it after compinit with: source <(bascule completion zsh)

# What the server knows; nothing, where none answers at once.
_bascule_names() {
  local -a names where
  local flag
  for flag in --state-dir --socket; do
    (( \${+opt_args[$flag]} )) && where+=("$flag" "\${opt_args[$flag]}")
  done
  names=(\${(f)"$(timeout 3 "\${_bascule_program/#\\~/$HOME}" completion --list "$1" "\${where[@]}" 2>/dev/null)"})
  compadd -a names
}

_bascule() {
  local _bascule_program=$words[1]
  local -a verbs
  typeset -A opt_args
  verbs=(
${verbs.map(({ name, describe }) => `    ${quoted(`${name}:${describe}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command verbs
    compadd -- --help --version
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${verbs.map(verbCase).join('\n')}
  esac
}

if [[ \${funcstack[1]} == _bascule ]]; then
  _bascule "$@"
else
  compdef _bascule bascule
fi
`;
}

function verbCase({ name, options, args }: CompletedVerb): string {
  const specs = [
    ...options.flatMap(optionSpecs),
    ...args.map((values, index) => quoted(`${index + 1}: :${actionOf(values)}`)),
  ];
  return `    ${name}) _arguments -s ${specs.join(' ')} ;;`;
}

function optionSpecs({ long, short, describe, values }: CompletedOption): readonly string[] {
  const text = describe.replaceAll('[', '(').replaceAll(']', ')').replaceAll(':', '\\:');
  const value = values === null ? '' : `: :${actionOf(values)}`;
  const names = short === null ? [long] : [short, long];
  return names.map((name) =>
    quoted(`${names.length > 1 ? `(${names.join(' ')})` : ''}${name}[${text}]${value}`),
  );
}

function actionOf(values: Values): string {
  switch (values.kind) {
    case 'words':
      return values.words.some((word) => word.endsWith('='))
        ? `{compadd -S '' -- ${values.words.join(' ')}}`
        : `(${values.words.join(' ')})`;
    case 'names':
      return `{_bascule_names ${values.list}}`;
    case 'files':
      return '_files';
    case 'directories':
      return '_files -/';
    case 'free':
      return ' ';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
