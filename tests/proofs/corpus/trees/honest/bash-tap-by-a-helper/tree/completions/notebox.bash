# bash completion for notebox
_notebox() {
  mapfile -t COMPREPLY < <(compgen -W "add list tags export help" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -F _notebox notebox
