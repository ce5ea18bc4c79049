# zsh in JupyterLab's terminal: the user's own .zshenv. Then zsh reads .zshrc in this folder.
labkit_startup=$ZDOTDIR
if [ -n "$LABKIT_ZDOTDIR" ]; then ZDOTDIR=$LABKIT_ZDOTDIR; else unset ZDOTDIR; fi
if [ -r "${ZDOTDIR:-$HOME}/.zshenv" ]; then . "${ZDOTDIR:-$HOME}/.zshenv"; fi
LABKIT_ZDOTDIR=${ZDOTDIR:-}
ZDOTDIR=$labkit_startup
