# The user's own .zshrc, then the lab's variables.
if [ -n "$LABKIT_ZDOTDIR" ]; then ZDOTDIR=$LABKIT_ZDOTDIR; else unset ZDOTDIR; fi
# macOS's /etc/zshrc keeps the history in $ZDOTDIR.
if [ "${HISTFILE:-}" = "$labkit_startup/.zsh_history" ]; then HISTFILE=${ZDOTDIR:-$HOME}/.zsh_history; fi
unset labkit_startup LABKIT_ZDOTDIR
if [ -r "${ZDOTDIR:-$HOME}/.zshrc" ]; then . "${ZDOTDIR:-$HOME}/.zshrc"; fi
eval "$LABKIT_SHELL"
unset LABKIT_SHELL
unset -f faas-cli kubectl labkit 2>/dev/null
true
