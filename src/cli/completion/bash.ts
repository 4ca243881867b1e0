import type { CompletedOption, CompletedVerb, Values } from './table.ts';

/** A script for bash 4 or later, without the package bash-completion. */
export function bashScript(verbs: readonly CompletedVerb[]): string {
  return `# bash completion for bascule. Load it with: source <(bascule completion bash)
# Made from the commands themselves; after an upgrade of bascule it is made anew.

_bascule_offer() { # what, the word so far
  case $1 in
    files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    directories) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
    names:*) mapfile -t COMPREPLY < <(compgen -W "$(_bascule_names "\${1#names:}")" -- "$2") ;;
    words:*) mapfile -t COMPREPLY < <(compgen -W "\${1#words:}" -- "$2") ;;
    *) COMPREPLY=() ;;
  esac
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}

# What the server knows; nothing, where none answers at once.
_bascule_names() {
  local -a where=()
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      --state-dir | --socket) where+=("\${COMP_WORDS[i]}" "\${COMP_WORDS[i + 1]}") ;;
    esac
  done
  timeout 3 "\${COMP_WORDS[0]/#\\~/$HOME}" completion --list "$1" "\${where[@]}" 2>/dev/null
}

_bascule() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} verb=\${COMP_WORDS[1]}
  local options= valued=' ' takes= at=0 i
  local -a args=()
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _bascule_offer 'words:${verbs.map(({ name }) => name).join(' ')} --help --version' "$word"
    return 0
  fi
  case $verb in
${verbs.map(verbCase).join('\n')}
    *) return 0 ;;
  esac
  case "$verb $before" in
${verbs.flatMap(({ name, options }) => options.flatMap((option) => valueCase(name, option))).join('\n')}
  esac
  if [[ -n $takes ]]; then
    _bascule_offer "$takes" "$word"
    return 0
  fi
  if [[ $word == -* ]]; then
    _bascule_offer "words:$options" "$word"
    return 0
  fi
  for ((i = 2; i < COMP_CWORD; i++)); do
    if [[ $valued == *" \${COMP_WORDS[i]} "* ]]; then
      i=$((i + 1))
    elif [[ \${COMP_WORDS[i]} != -* ]]; then
      at=$((at + 1))
    fi
  done
  ((at < \${#args[@]})) && _bascule_offer "\${args[at]}" "$word"
  return 0
}

complete -F _bascule bascule
`;
}

function verbCase({ name, options, args }: CompletedVerb): string {
  const all = options.flatMap(namesOf).join(' ');
  const valued = options.filter(({ values }) => values !== null).flatMap(namesOf);
  const offered = args.map((values) => `'${actionOf(values)}'`).join(' ');
  return `    ${name}) options='${all}' valued=' ${valued.join(' ')} ' args=(${offered}) ;;`;
}

function valueCase(verb: string, option: CompletedOption): readonly string[] {
  const { values } = option;
  if (values === null) return [];
  const places = namesOf(option).map((name) => `'${verb} ${name}'`);
  return [`    ${places.join(' | ')}) takes='${actionOf(values)}' ;;`];
}

function namesOf({ long, short }: CompletedOption): readonly string[] {
  return short === null ? [long] : [short, long];
}

function actionOf(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `words:${values.words.join(' ')}`;
    case 'names':
      return `names:${values.list}`;
    case 'files':
    case 'directories':
    case 'free':
      return values.kind;
  }
}
