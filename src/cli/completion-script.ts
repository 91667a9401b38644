export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/**
 * The script a shell loads. It asks `muster __complete` for candidates, one a line, so that what is completed is what
 * this program takes; with no candidate the shell completes files.
 */
export function completionScript(shell: Shell): string {
  return scripts[shell];
}

const bash = `# muster completion for bash: source <(muster completion bash)
_muster() {
  local line words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  # bash splits words at ":" and "="; take the words as they were typed instead.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    local cur words cword
    _get_comp_words_by_ref -n := cur words cword
    words=("\${words[@]:1:cword}")
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    [[ -n $line ]] && COMPREPLY+=("$line")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${words[@]}" 2>/dev/null)
  # A path that goes on is not finished: no space after it.
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]] && compopt -o nospace
  return 0
}
complete -o default -F _muster muster
`;

const zsh = `#compdef muster
# muster completion for zsh: source <(muster completion zsh)
_muster() {
  local -a candidates ending plain
  candidates=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  ending=("\${(@M)candidates:#*/}")
  plain=("\${(@)candidates:#*/}")
  plain=("\${(@)plain:#}")
  (( \${#ending} )) && compadd -S '' -- "\${ending[@]}"
  (( \${#plain} )) && compadd -- "\${plain[@]}"
  (( \${#ending} + \${#plain} )) || _files
}
compdef _muster muster
`;

const fish = `# muster completion for fish: muster completion fish | source
function __muster_candidates
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c muster -f -a '(__muster_candidates)'
complete -c muster -n 'test (count (__muster_candidates)) -eq 0' -F
`;

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
