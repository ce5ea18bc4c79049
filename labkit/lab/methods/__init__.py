"""What a lab can do: a concept a module, coroutines first."""
