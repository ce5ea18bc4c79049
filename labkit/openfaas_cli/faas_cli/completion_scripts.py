"""What bash and zsh run to complete a command line of faas-cli.

Both ask ``faas-cli __complete`` for each Tab, so that they know the same verbs
and flags as the program.
"""

from __future__ import annotations

BASH = r"""# Completion of faas-cli in bash: source <(faas-cli completion --shell bash)

# Set the array words to the command line up to the cursor. Readline has cut it
# also at = and :, which are part of a word here.
__faas_cli_words() {
    local line=${COMP_LINE:0:COMP_POINT} word i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            words+=("")
        fi
        ((i == COMP_CWORD)) && word=$line
        words[${#words[@]} - 1]+=$word
        line=${line#"$word"}
    done
}

__faas_cli_complete() {
    local -a words lines
    local directive current extension
    COMPREPLY=()
    __faas_cli_words
    mapfile -t lines < <("${words[0]}" __completeNoDesc "${words[@]:1}" 2>/dev/null)
    ((${#lines[@]})) || return
    directive=${lines[-1]#:}
    unset 'lines[-1]'
    current=${words[-1]}
    [[ $current == -*=* ]] && current=${current#*=}
    if ((directive & 8)); then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(
            for extension in "${lines[@]}"; do compgen -f -X "!*.$extension" -- "$current"; done
            compgen -d -- "$current"
        )
    elif ((${#lines[@]})); then
        COMPREPLY=("${lines[@]}")
        ((directive & 2)) && compopt -o nospace 2>/dev/null
    elif ((! (directive & 4))); then
        compopt -o default 2>/dev/null
    fi
}

complete -F __faas_cli_complete faas-cli
"""

ZSH = r"""#compdef faas-cli
# Completion of faas-cli in zsh: source <(faas-cli completion --shell zsh)

_faas-cli() {
    local -a lines shown
    local directive line
    lines=("${(@f)$("${words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    directive=${lines[-1]#:}
    lines=("${(@)lines[1,-2]}")
    if ((directive & 8)); then
        compset -P '-*='
        _files -g "*.(${(j:|:)lines})"
    elif ((${#lines})); then
        for line in "${lines[@]}"; do
            line=${line//:/\\:}
            shown+=("${line/$'\t'/:}")
        done
        _describe -t commands faas-cli shown
    elif ((! (directive & 4))); then
        compset -P '-*='
        _files
    fi
}

if [[ ${funcstack[1]} == _faas-cli ]]; then
    _faas-cli "$@"
else
    compdef _faas-cli faas-cli
fi
"""
